"""Bytes of text files."""

from __future__ import annotations

import codecs

import pytest

from genocc.encoding import decoded
from genocc.errors import FileError

TEXT = "# é — 遗传\nA = 1\n"


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (b"", "utf-8"), (codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"), (codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be"),
    ],
)  # fmt: skip
def test_a_byte_order_mark_says_the_encoding(mark: bytes, encoding: str) -> None:
    assert decoded(mark + TEXT.encode(encoding), "a.py") == TEXT


@pytest.mark.parametrize(
    ("text", "encoding", "likely"),
    [
        ("A = 1  # 搜索得到的结构\n", "gbk", "GBK"),
        ("A = 1  # 結構，測試\n", "gbk", "GBK"),
        ("A = 1  # trouvé après la première époque\n", "cp1252", "CP1252"),
        ("A = 1  # Zürich – größer “quoted”\n", "cp1252", "CP1252"),
        ("A = 1  # é\n", "latin-1", "CP1252"),
        ("A = 1  # déjà vu \x81 été, où créé\n", "latin-1", "LATIN1"),
        ("A = 1  # 最优网络单元，共四个节点\n", "gbk", "GBK"),
        ("A = 1  # 作者李四\n", "gb18030", "GBK"),
        ("A = 1  # 㐀㐁 的结构在这里\n", "gb18030", "GB18030"),
        ("A = 1  # 最良のセル\n", "shift_jis", "SHIFT_JIS"),
        ("A = 1  # 検索結果のまとめです。\n", "shift_jis", "SHIFT_JIS"),
        ("A = 1  # 検索結果のまとめです。\n", "euc-jp", "EUC-JP"),
        ("A = 1  # 實驗結果與最佳的網路\n", "big5", "BIG5"),
        ("A = 1  # 실험에서 얻은 가장 좋은 셀\n", "euc-kr", "EUC-KR"),
        ("A = 1  # Ячейка, найденная при поиске\n", "cp1251", "CP1251"),
        ("A = 1  # año señal, corazón\n", "cp1252", "CP1252"),
        ("A = 1  # Übergröße\n", "cp1252", "CP1252"),
        ("A = Genotype()\n", "utf-16-le", "UTF-16LE"),
        ("A = Genotype()\n", "utf-16-be", "UTF-16BE"),
    ],
)
def test_another_encoding_is_guessed_and_how_to_convert_it_said(text: str, encoding: str, likely: str) -> None:
    content = b"# first line\n" * (not encoding.startswith("utf")) + text.encode(encoding)
    with pytest.raises(FileError) as caught:
        decoded(content, "a.py")
    assert str(caught.value).startswith("a.py: not UTF-8 text (")
    assert str(caught.value).endswith(f"it looks like {likely}; convert it: iconv -f {likely} -t UTF-8 a.py")
    if not encoding.startswith("utf"):
        assert ", line 2)" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "encoding", "name"),
    [("宽", "gbk", "GBK"), ("結果", "euc-jp", "EUC-JP"), ("셀", "euc-kr", "EUC-KR"), ("セル", "euc-jp", "EUC-JP")],
)
def test_a_few_characters_do_not_tell_their_encoding(text: str, encoding: str, name: str) -> None:
    with pytest.raises(FileError, match=r"; it may be [A-Z0-9-]+( or [A-Z0-9-]+)+; convert it: iconv -f ") as caught:
        decoded(f"A = 1  # {text}\n".encode(encoding), "a.py")
    assert name in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfea\0b", "not UTF-16-LE text, as its first bytes say (byte 4); is it complete?"),
        (b"PK\x03\x04abc", "not a text, but a zip archive or a PyTorch checkpoint"),
        (b"\x80\x04abc", "not a text, but a Python pickle"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "not a text, but an image"),
        (b"\x7fELF" + bytes(100), "not a text, but a program"),
        (b"\xa9\xb2\x01\x02" * 9, "not UTF-8 text (byte 0, line 1); expected a text file"),
        (b"\x01\0\x02\0" * 9, "not UTF-8 text (NUL characters); expected a text file"),
        (b"a\xff\x00\x01", "not UTF-8 text (byte 1, line 1); expected a text file"),
    ],
)
def test_what_is_no_text(content: bytes, message: str) -> None:
    with pytest.raises(FileError) as caught:
        decoded(content, "-")
    assert str(caught.value).startswith(f"-: {message}")
