"""The pages for browsers: clients like any other, beside the schema that they ask."""
