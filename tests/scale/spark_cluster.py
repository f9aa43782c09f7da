"""A Spark of two worker processes on this machine, with the system's Java."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

# A master and two workers of one core and a gigabyte each, every one a process of its own.
MASTER = "local-cluster[2,1,1024]"


def require_java() -> None:
    """Skip where there is no Java; root installs it from the system's packages."""
    if shutil.which("java") is None and os.getuid() == 0 and shutil.which("apt-get"):
        for words in (("update", "-qq"), ("install", "-y", "-qq", "openjdk-17-jre-headless")):
            subprocess.run(["apt-get", *words], check=True, capture_output=True)
    if shutil.which("java") is None:
        pytest.skip("Spark wants Java 17, and there is none")
