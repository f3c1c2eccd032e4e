"""A database engine that answers from what it has recorded: what is left is the time of the ORM itself."""
