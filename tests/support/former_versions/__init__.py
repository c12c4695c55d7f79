"""The revisions of the runtime as they were before its tables had a prefix."""
