"""An object store that speaks S3, on this machine, for the length of a test run."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import requests

KEY_ID, SECRET = "crossfoot", "canary-of-the-store"


@dataclass(frozen=True)
class ObjectStore:
    """A running store with one bucket."""

    url: str
    bucket: str = "books"

    def settings(self) -> dict[str, str]:
        """The settings of a warehouse whose Parquet files lie there."""
        return {
            "CROSSFOOT_WAREHOUSE_DATA": f"s3://{self.bucket}/warehouse",
            "CROSSFOOT_WAREHOUSE_S3_ENDPOINT": self.url,
            "CROSSFOOT_WAREHOUSE_S3_KEY_ID": KEY_ID,
            "CROSSFOOT_WAREHOUSE_S3_SECRET": SECRET,
        }

    def held(self) -> list[str]:
        """The names of some of the objects that are there."""
        listed = requests.get(f"{self.url}/{self.bucket}?list-type=2", timeout=60)
        listed.raise_for_status()
        return re.findall(r"<Key>(.*?)</Key>", listed.text)


@contextmanager
def running() -> Iterator[ObjectStore]:
    """Start a store in a process of its own, which keeps all in memory and ends with the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    store = ObjectStore(f"http://127.0.0.1:{port}")
    # It tells every call it gets, and would wait for somebody to read that.
    with subprocess.Popen(
        [sys.executable, "-c", "import moto.server; moto.server.main()", f"-p{port}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        try:
            _wait(store, process)
            requests.put(f"{store.url}/{store.bucket}", timeout=60).raise_for_status()
            yield store
        finally:
            process.kill()


def _wait(store: ObjectStore, process: subprocess.Popen[bytes]) -> None:
    """Until it answers, a minute at most."""
    for _ in range(600):
        with suppress(requests.ConnectionError):
            requests.get(store.url, timeout=60)
            return
        assert process.poll() is None, "the object store ended before it answered"
        time.sleep(0.1)
    raise RuntimeError("The object store did not answer within a minute.")
