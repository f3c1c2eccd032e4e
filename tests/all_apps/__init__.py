"""A project with every contrib app, some well-known third-party ones, and a user model of its own."""
