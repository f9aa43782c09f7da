"""A headless Chromium that is led over two pipes (the DevTools protocol): a page that fetches what
it shows is waited for until it shows it, clicked on, read and drawn."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

WIDTH, HEIGHT = 1600, 1000
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-pipe",
    # Nothing but this machine is there.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)  # fmt: skip
# Where the innermost element that says these words stands, once it is in the middle.
_CENTRE = """(words) => {
  const said = (one) => (one.innerText || one.getAttribute('aria-label') || '').trim();
  const found = [...document.querySelectorAll('body *')].filter((one) => said(one) === words);
  const one = found.at(-1);
  if (!one) return null;
  one.scrollIntoView({block: 'center'});
  const box = one.getBoundingClientRect();
  return [box.x + box.width / 2, box.y + box.height / 2];
}"""


def chromium() -> str | None:
    """The browser's program, or None where there is none."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


@dataclass
class Page:
    """The one page of a browser."""

    to: BinaryIO
    back: BinaryIO
    session: str = ""
    sent: int = 0
    _rest: bytes = b""
    complaints: list[str] = field(default_factory=list)

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Send one command and wait for its answer; raises when the browser refuses it."""
        self.sent += 1
        told = {"id": self.sent, "method": method, "params": params}
        told |= {"sessionId": self.session} if self.session else {}
        self.to.write(json.dumps(told).encode() + b"\0")
        self.to.flush()
        while True:
            answer = self._read()
            if answer.get("method") == "Runtime.exceptionThrown":
                details = answer["params"]["exceptionDetails"]
                self.complaints.append(str(details.get("exception", details).get("description")))
            if answer.get("id") == self.sent:
                assert "error" not in answer, answer["error"]
                return dict(answer["result"])

    def _read(self, patience: float = 60) -> dict[str, Any]:
        while b"\0" not in self._rest:
            assert select.select([self.back], [], [], patience)[0], "the browser does not answer"
            more = os.read(self.back.fileno(), 1 << 20)
            assert more, "the browser is gone"
            self._rest += more
        one, self._rest = self._rest.split(b"\0", 1)
        return dict(json.loads(one))

    def run(self, script: str) -> Any:
        """The value of an expression on the page."""
        done = self.ask("Runtime.evaluate", expression=script, returnByValue=True)
        return done["result"].get("value")

    def text(self) -> str:
        """All words that are to be seen."""
        return str(self.run("document.body ? document.body.innerText : ''") or "")

    def open(self, address: str, *words: str, seconds: float = 60) -> str:
        """Go there and wait until all of these words are to be seen; returns the page's text."""
        self.ask("Page.navigate", url=address)
        return self.wait_for(*words, seconds=seconds)

    def wait_for(self, *words: str, seconds: float = 60) -> str:
        """Until all of these words are to be seen."""
        self.wait_until(lambda: all(w in self.text() for w in words), seconds, f"{words}")
        return self.text()

    def wait_until(self, true: Callable[[], bool], seconds: float, what: str) -> None:
        """Until something is so; fails with the page's text."""
        until = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < until, f"never seen: {what}\n{self.text()[:3000]}"
            time.sleep(0.2)

    def show(self, words: str) -> None:
        """Scroll to what says just these words."""
        self.wait_until(lambda: self._centre(words) is not None, 30, f"to show: {words}")

    def click(self, words: str) -> None:
        """Click on what says just these words, as a person's pointer does."""
        self.show(words)
        x, y = self._centre(words) or (0.0, 0.0)
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def _centre(self, words: str) -> list[float] | None:
        found = self.run(f"({_CENTRE})({json.dumps(words)})")
        return list(found) if found else None

    def draw(self, path: Path, settled: float = 0.5) -> bytes:
        """A picture of what is to be seen, once it has been the same for so many seconds."""
        before = b""
        for _ in range(6):
            now = base64.b64decode(self.ask("Page.captureScreenshot", format="png")["data"])
            if now == before:
                break
            before = now
            time.sleep(settled)
        path.write_bytes(before)
        return before


@contextmanager
def browsing(program: str, folder: Path) -> Iterator[Page]:
    """A browser with a new profile in this folder, and its one page."""
    ours, theirs = os.pipe(), os.pipe()
    # The browser reads from 3 and writes to 4.
    start = f'exec "$@" 3<&{ours[0]} 4>&{theirs[1]}'
    size = f"--window-size={WIDTH},{HEIGHT}"
    process = subprocess.Popen(
        ["bash", "-c", start, "bash", program, *_FLAGS, size, f"--user-data-dir={folder}"],
        pass_fds=(ours[0], theirs[1]), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(ours[0])
    os.close(theirs[1])
    with os.fdopen(ours[1], "wb") as to, os.fdopen(theirs[0], "rb") as back:
        try:
            page = Page(to, back)
            target = page.ask("Target.createTarget", url="about:blank")["targetId"]
            attached = page.ask("Target.attachToTarget", targetId=target, flatten=True)
            page.session = attached["sessionId"]
            for domain in ("Page", "Runtime"):
                page.ask(f"{domain}.enable")
            yield page
        finally:
            process.terminate()
            process.wait(timeout=30)
