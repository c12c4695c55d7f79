"""Settings of files that clients send with an operation (GraphQL multipart requests): limits on number, size and time.

`Settings` in settings.py inherits them, reads them and checks them.
"""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings


class UploadSettings(BaseSettings):
    """Times are in seconds, sizes in bytes."""

    uploads: bool = Field(
        True,
        description="Whether files are taken (multipart/form-data), if the schema has the scalar Upload.",
    )
    max_upload_files: int = Field(10, ge=1, description="Most files of one request.")
    max_upload_file_bytes: int = Field(
        10_000_000, ge=1024, description="Largest file; a larger one is answered with 413."
    )
    max_upload_bytes: int = Field(
        25_000_000,
        ge=1024,
        description="Largest request body with files; a larger one is answered with 413. WATCHWORD_MAX_BODY_BYTES"
        " holds for the operation in it.",
    )
    upload_seconds: float = Field(
        60,
        gt=0,
        le=3_600,
        description="How long a request body with files may take to arrive; a slower one is answered with 408.",
    )
    upload_memory_bytes: int = Field(
        64_000,
        ge=1,
        description="A larger file is written to the directory `uploads` in the home directory, and deleted"
        " after the operation.",
    )
    max_uploads_per_address: int = Field(
        20, ge=1, description="Most requests with files from one address at a time."
    )
    max_uploads_per_process: int = Field(
        100, ge=1, description="Most requests with files in one process at a time."
    )
