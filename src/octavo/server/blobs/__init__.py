"""Bytes too large for the database: in a folder, or in an S3-compatible store."""

from octavo.server.blobs.blob_store import CHUNK_BYTES, BlobStore, BlobsUnavailable, blob_name
from octavo.server.blobs.local_blobs import LocalBlobs

__all__ = ["CHUNK_BYTES", "BlobStore", "BlobsUnavailable", "LocalBlobs", "blob_name"]
