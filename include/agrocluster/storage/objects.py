"""An object store with the S3 interface: list, fetch, put, copy and delete, each whole or not at all.

Every object carries the SHA-256 of its bytes, which is checked when it is fetched. What may stand where, and in which
order things are written, is decided in ``zones`` and ``mirror``. Address and keys come from the environment (``AWS_*``
or ``FSSPEC_S3_*``) and appear in no message. It imports fsspec only when a store is opened.
"""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from agrocluster.errors import StorageError, UsageError
from agrocluster.storage.parquet import file_sha256
from agrocluster.storage.places import Place

SHA256 = "sha256"
"""Name of the metadata entry with the hash of an object's bytes."""
CHUNK = 1 << 20
NEW = "*"
"""Condition of a put: there is no such object yet."""
_DELETED_AT_ONCE = 1000
_CONDITION = ("PreconditionFailed", "ConditionalRequestConflict", "412")
"""What a service answers when a condition does not hold, or another write was under way."""
_FULL = (errno.ENOSPC, errno.EDQUOT)


class Taken(StorageError):
    """The condition of a put or a fetch did not hold: somebody else has written the object in the meantime."""


@dataclass(frozen=True)
class Entry:
    """One object as a listing shows it. ``etag`` changes with the content; ``modified`` is UTC."""

    key: str
    size: int
    etag: str
    modified: datetime


class Objects(Protocol):
    """What the rest of the package asks of a store. Keys are relative to the address of the data root."""

    @property
    def address(self) -> str:
        """What people call the store."""

    def list(self) -> list[Entry]:
        """All objects below the address."""

    def fetch(self, entry: Entry, into: Path) -> None:
        """Bring an object as it was listed into a new file. Taken if it is another one by now."""

    def put(self, key: str, path: Path, *, condition: str | None = None) -> str:
        """Write a file; returns its etag. ``condition``: NEW, or the etag that the object must still have."""

    def copy(self, entry: Entry, key: str) -> str:
        """Copy an object as it was listed to another key within the store; returns the etag of the copy."""

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects; those that are gone already are no error."""

    def read(self, key: str) -> tuple[bytes, str] | None:
        """Bytes and etag of a small object, None if there is none."""

    def write(self, key: str, data: bytes, *, condition: str | None = None) -> str:
        """Write a small object, as ``put``."""


@dataclass(frozen=True)
class S3:
    """The objects below ``address`` (``s3://bucket/prefix``), listed ``page`` at a time."""

    address: str
    bucket: str
    prefix: str
    store: Any
    page: int = 1000

    @classmethod
    def at(cls, address: str) -> S3:
        """UsageError for an address that is none of S3, or where its driver is not installed."""
        protocol, _, rest = address.partition("://")
        if protocol != "s3" or not rest.strip("/"):
            raise UsageError(
                f"AGROCLUSTER_DATA={address} is no data root.",
                remedy="Name a folder, or s3://bucket/prefix for an S3-compatible store.",
            )
        place = Place.at(address)
        bucket, _, prefix = place.path.partition("/")
        return cls(address, bucket, f"{prefix}/" if prefix else "", place.store)

    def list(self) -> list[Entry]:
        found: list[Entry] = []
        more: dict[str, str] = {}
        while True:
            with self._asking("list", ""):
                where = {"Bucket": self.bucket, "Prefix": self.prefix, "MaxKeys": self.page}
                page = self.store.call_s3("list_objects_v2", **where, **more)
            for item in page.get("Contents", ()):
                key = item["Key"].removeprefix(self.prefix)
                found.append(Entry(key, item["Size"], item["ETag"], item["LastModified"]))
            if not page.get("IsTruncated"):
                return found
            more = {"ContinuationToken": page["NextContinuationToken"]}

    def fetch(self, entry: Entry, into: Path) -> None:
        from fsspec.asyn import sync

        with self._asking("fetch", entry.key):
            size, digest, wanted = sync(self.store.loop, self._stream, entry, into)
        if size != entry.size or wanted not in (None, digest):
            raise StorageError(
                f"{self.address}/{entry.key} is damaged: {size:,} of {entry.size:,} bytes came, or not those written.",
                remedy="Run again; if it stays so, remove the object and run its Dag again.",
            )

    async def _stream(self, entry: Entry, into: Path) -> tuple[int, str, str | None]:
        answer = await self.store._call_s3("get_object", **self._named(entry.key), IfMatch=entry.etag)
        digest, size = hashlib.sha256(), 0
        async with answer["Body"] as body:
            with into.open("wb") as file:
                while piece := await body.read(CHUNK):
                    file.write(piece)
                    digest.update(piece)
                    size += len(piece)
        return size, digest.hexdigest(), answer.get("Metadata", {}).get(SHA256)

    def put(self, key: str, path: Path, *, condition: str | None = None) -> str:
        with path.open("rb") as file:
            return self._put(key, file, file_sha256(path), condition)

    def copy(self, entry: Entry, key: str) -> str:
        source = self._named(entry.key)
        with self._asking("copy", entry.key):
            answer = self.store.call_s3(
                "copy_object", **self._named(key), CopySource=source, CopySourceIfMatch=entry.etag
            )
        return str(answer["CopyObjectResult"]["ETag"])

    def delete(self, keys: Iterable[str]) -> None:
        names = [self.prefix + key for key in keys]
        for first in range(0, len(names), _DELETED_AT_ONCE):
            some = [{"Key": name} for name in names[first : first + _DELETED_AT_ONCE]]
            with self._asking("delete", some[0]["Key"]):
                answer = self.store.call_s3("delete_objects", Bucket=self.bucket, Delete={"Objects": some})
            if left := answer.get("Errors"):
                raise self._failed("delete", str(left[0].get("Key")), str(left[0].get("Code")))

    def read(self, key: str) -> tuple[bytes, str] | None:
        from fsspec.asyn import sync

        try:
            with self._asking("read", key):
                return sync(self.store.loop, self._read, key)
        except FileNotFoundError:
            return None

    async def _read(self, key: str) -> tuple[bytes, str]:
        answer = await self.store._call_s3("get_object", **self._named(key))
        async with answer["Body"] as body:
            return bytes(await body.read()), answer["ETag"]

    def write(self, key: str, data: bytes, *, condition: str | None = None) -> str:
        return self._put(key, data, hashlib.sha256(data).hexdigest(), condition)

    def _put(self, key: str, body: Any, sha256: str, condition: str | None) -> str:
        terms = {} if condition is None else {"IfNoneMatch": NEW} if condition == NEW else {"IfMatch": condition}
        with self._asking("write", key):
            answer = self.store.call_s3("put_object", **self._named(key), Body=body, Metadata={SHA256: sha256}, **terms)
        return str(answer["ETag"])

    def _named(self, key: str) -> dict[str, str]:
        return {"Bucket": self.bucket, "Key": self.prefix + key}

    @contextmanager
    def _asking(self, verb: str, key: str) -> Iterator[None]:
        """Turns what the driver raises into errors of ours, save an absent object that is read and a full disk."""
        try:
            yield
        except Exception as error:
            code, absent = _code(error), isinstance(error, FileNotFoundError)
            if code in _CONDITION or (absent and code != "NoSuchBucket" and verb in ("fetch", "copy")):
                raise Taken(
                    f"{self.address}/{key} was replaced by somebody else meanwhile.", remedy="Run again."
                ) from error
            if (absent and code != "NoSuchBucket" and verb == "read") or getattr(error, "errno", None) in _FULL:
                raise
            raise self._failed(verb, key, code or type(error).__name__) from error

    def _failed(self, verb: str, key: str, why: str) -> StorageError:
        where = f"{self.address}/{key}" if key else self.address
        return StorageError(
            f"The object store did not {verb} {where} ({why}).",
            remedy="Check AWS_ENDPOINT_URL, the keys, the bucket and their rights, then run again; nothing is lost.",
        )


def _code(error: BaseException) -> str:
    """The error code of the service, if the driver says which."""
    for one in (error, error.__cause__, error.__context__):
        answer = getattr(one, "response", None)
        if isinstance(answer, dict):
            return str(answer.get("Error", {}).get("Code", ""))
    return ""
