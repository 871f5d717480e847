"""Uploads to the Hugging Face Hub, of which a server on this machine takes the place."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from genocc.errors import GenoccError
from genocc.exporters.package import hub

pytest.importorskip("huggingface_hub")

TOKEN = "hf_of_nobody"


class StandIn(BaseHTTPRequestHandler):
    """As much of the Hub as an upload asks for; it keeps what comes."""

    files: dict[str, bytes]
    created: list[dict[str, Any]]
    refuses = False

    def do_GET(self) -> None:
        self._answer(404, {"error": "not here"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        assert self.headers["Authorization"] == f"Bearer {TOKEN}"
        if self.refuses:
            return self._answer(403, {"error": "you may not"})
        path = self.path.partition("?")[0]
        if path == "/api/repos/create":
            self.created.append(json.loads(body))
            return self._answer(200, {"url": f"{self.server.address}/nobody/net", "id": "nobody/net"})  # type: ignore[attr-defined]
        if path == "/api/validate-yaml":
            return self._answer(200, {"errors": [], "warnings": []})
        if path == "/api/models/nobody/net/preupload/main":
            asked = json.loads(body)["files"]
            return self._answer(
                200, {"files": [{"path": f["path"], "uploadMode": "regular", "shouldIgnore": False} for f in asked]}
            )
        if path == "/api/models/nobody/net/commit/main":
            for line in body.splitlines():
                item = json.loads(line)
                if item["key"] == "file":
                    self.files[item["value"]["path"]] = base64.b64decode(item["value"]["content"])
            return self._answer(200, {"commitUrl": f"{self.server.address}/nobody/net/commit/1", "commitOid": "1"})  # type: ignore[attr-defined]
        return self._answer(404, {"error": f"no {path} here"})

    def _answer(self, code: int, data: object) -> None:
        content = json.dumps(data).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def stand_in() -> Iterator[type[StandIn]]:
    handler = type("Handler", (StandIn,), {"files": {}, "created": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.address = handler.address = f"http://127.0.0.1:{server.server_port}"  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield handler
    server.shutdown()
    server.server_close()
    thread.join()


def pushed(folder: Path, stand_in: type[StandIn]) -> subprocess.CompletedProcess[str]:
    """In a process of its own: huggingface_hub reads the environment when it is imported."""
    program = (
        "import sys\nfrom genocc.exporters.package import hub\nfrom genocc.errors import GenoccError\n"
        "try:\n    print(hub.push(sys.argv[1], 'nobody/net'))\n"
        "except GenoccError as error:\n    sys.exit(str(error))\n"
    )
    environment = {
        "HF_ENDPOINT": stand_in.address,  # type: ignore[attr-defined]
        "HF_TOKEN": TOKEN, "HF_HOME": str(folder.parent / "home"), "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1", "NO_PROXY": "*", "PATH": "",
    }  # fmt: skip
    command = [sys.executable, "-c", program, str(folder)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "net"
    path.mkdir()
    (path / "README.md").write_text("---\nlicense: unknown\n---\n\n# net\n")
    (path / "model.onnx").write_bytes(bytes(range(256)) * 4)
    return path


def test_a_folder_becomes_one_commit(folder: Path, stand_in: type[StandIn]) -> None:
    done = pushed(folder, stand_in)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == f"{stand_in.address}/nobody/net/commit/1"  # type: ignore[attr-defined]
    assert stand_in.files == {path.name: path.read_bytes() for path in folder.iterdir()}
    assert [(made["name"], made.get("organization"), made.get("type", "model")) for made in stand_in.created] == [
        ("net", "nobody", "model")
    ]


def test_a_refusal_is_one_line(folder: Path, stand_in: type[StandIn]) -> None:
    stand_in.refuses = True
    done = pushed(folder, stand_in)
    assert done.returncode == 1
    assert done.stderr.startswith("--push nobody/net: ")
    assert "403" in done.stderr
    assert done.stderr.strip().endswith(f"{folder} is complete: try again later")
    assert stand_in.files == {}


@pytest.mark.parametrize("name", ["net", "a/b/c", "/net", "a b/net", "nobody/../net", "nobody/a--b", ""])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(GenoccError, match="expected a repository of the Hub, USER/NAME"):
        hub.check_repository(name)


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(GenoccError, match=r"pip install 'genocc\[hub\]'"):
        hub.check_repository("nobody/net")
