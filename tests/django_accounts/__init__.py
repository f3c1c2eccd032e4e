"""A custom user model, in a site with many applications."""
