"""OpenVINO's files before OpenVINO sees them: what is read of them, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from genocc.errors import FileError, TargetError
from genocc.runtimes import openvino_files
from genocc.runtimes.openvino_files import OpenVinoFile, digest, scan, weights_path

NET = """<?xml version="1.0"?>
<net name="a" version="11">
  <layers>
    <layer id="0" name="image" type="Parameter" version="opset1">
      <data shape="?,3" element_type="f32" />
      <output><port id="0" precision="FP32" names="image"><dim>-1</dim><dim>3</dim></port></output>
    </layer>
    <layer id="1" name="weight" type="Const" version="opset1">
      <data element_type="f32" shape="3" offset="4" size="12" />
      <output><port id="0"><dim>3</dim></port></output>
    </layer>
  </layers>
  <rt_info>
    <genocc><hash value="a&lt;&quot;&#10;b" /><seed value="1" /></genocc>
    <other><hash value="no" /></other>
  </rt_info>
</net>
"""


def test_the_texts_of_genocc_are_read() -> None:
    assert scan(NET.encode(), 16, "a.xml").texts == {"hash": 'a<"\nb', "seed": "1"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("<net name", '<!DOCTYPE net [<!ENTITY a "b">]><net name', "has a DOCTYPE, which could name other files"),
        ("<net name", '<!DOCTYPE net SYSTEM "file:///etc/passwd"><net name', "has a DOCTYPE"),
        ("</net>", "", "not an .xml file of OpenVINO, or a damaged one: no element found"),
        ("</net>", "</net><net/>", "not an .xml file of OpenVINO, or a damaged one: junk after document element"),
        ('<net name="a" version="11">', "<svg>", "not an .xml file of OpenVINO: found element 'svg', expected 'net'"),
        ('type="Const"', 'type="Loop"', "has a layer of type Loop, which may run for ever"),
        ('offset="4"', 'offset="5"', "a constant ends at byte 17 of the weights, which have 16; they are those of"),
        ('size="12"', 'size="999999999999"', "a constant ends at byte 1,000,000,000,003"),
        ('offset="4"', 'offset="-4"', "a constant ends at byte 8"),
        ('offset="4"', 'offset="x"', "damaged: offset is 'x'; expected a whole number"),
        ("<dim>-1</dim><dim>3</dim>", "<dim>65536</dim><dim>65536</dim>", "a layer has more than 2,147,483,648 values"),
        ("<layers>", "<a>" * 70, "has elements more than 64 deep"),
        ("&lt;", "&bomb;", "undefined entity"),
    ],
)
def test_what_could_harm_is_refused(old: str, new: str, message: str) -> None:
    assert old in NET
    with pytest.raises(TargetError) as caught:
        scan(NET.replace(old, new).encode(), 16, "a.xml")
    assert str(caught.value).startswith("a.xml: ")
    assert message in str(caught.value)


def test_layers_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openvino_files, "MAX_LAYERS", 1)
    with pytest.raises(TargetError, match="more than 1 layers"):
        scan(NET.encode(), 16, "a.xml")


@pytest.mark.parametrize("content", [b"", b"no xml", b"<net/>", NET.encode("utf-16"), b"\0" * 9])
def test_what_is_no_net_is_refused(content: bytes) -> None:
    with pytest.raises(TargetError, match=r"^a\.xml: not an \.xml file of OpenVINO"):
        scan(content, 16, "a.xml")


def test_both_files_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.xml"
    with pytest.raises(FileError, match="no such file"):
        OpenVinoFile.read(path, "a.xml")
    path.write_text(NET)
    with pytest.raises(TargetError, match=r"^a\.xml: its weights, a\.bin, do not lie beside it; put both into one"):
        OpenVinoFile.read(path, "a.xml")
    weights_path(path).write_bytes(b"0" * 16)
    assert OpenVinoFile.read(path, "a.xml").metadata["seed"] == "1"
    path.write_text(NET.replace("</genocc>", f'<weights_sha256 value="{digest(b"0" * 16)}"/></genocc>'))
    assert OpenVinoFile.read(path, "a.xml").metadata["seed"] == "1"
    weights_path(path).write_bytes(b"1" * 16)
    with pytest.raises(TargetError, match=r"^a\.xml: the \.bin file beside it is not the one"):
        OpenVinoFile.read(path, "a.xml").metadata  # noqa: B018
    monkeypatch.setattr(openvino_files, "MAX_BYTES", 15)
    with pytest.raises(FileError, match="larger than the limit of 15 bytes"):
        OpenVinoFile.read(path, "a.xml")
