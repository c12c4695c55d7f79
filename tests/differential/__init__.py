"""The compiled executor beside graphql-core's: the same operations through both must have the same answers and effects."""
