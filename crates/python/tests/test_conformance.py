"""The conformance files of the format show what `files.json` says, and bad ones are refused."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import numpy
import pytest

import dcodec

FOLDER = Path(__file__).parents[3] / "codec-spec" / "files"
TABLE: dict[str, dict[str, Any]] = json.loads((FOLDER / "files.json").read_text())


def crc(samples: numpy.ndarray) -> int:
    little = samples.astype(samples.dtype.newbyteorder("<"))
    return zlib.crc32(numpy.ascontiguousarray(little).tobytes())


@pytest.mark.parametrize("name", TABLE["ok"])
def test_good_files(name: str) -> None:
    line = TABLE["ok"][name]
    file = (FOLDER / "ok" / f"{name}.dfc").read_bytes()
    assert len(file) == line["bytes"]
    array = dcodec.decode(file, display="plain", orientations=1)
    assert array.shape[:2] == (line["height"], line["width"])
    assert array.dtype == (numpy.uint16 if line["depth"] == 16 else numpy.uint8)
    if line["alpha"]:
        assert crc(array[..., -1]) == line["shows"]["alpha_crc"]
        array = array[..., :-1]
    assert crc(array) == line["shows"]["crc"]
    info = dcodec.info(file)
    assert (info["prior"], info["seed"]) == (line["prior"], line["seed"])
    assert (info["complete"], info["bands"]) == (line["end_marker"], line["bands"])
    assert [layer["sigma_code"] for layer in info["layers"]] == [
        layer["sigma"] for layer in line["layers"][: line["whole_layers"]]
    ]


@pytest.mark.parametrize("name", TABLE["bad"])
def test_bad_files(name: str) -> None:
    line = TABLE["bad"][name]
    with pytest.raises(dcodec.Error) as caught:
        dcodec.decode((FOLDER / "bad" / f"{name}.dfc").read_bytes())
    if line["kind"] == "unsupported":
        assert isinstance(caught.value, dcodec.UnsupportedError)
        assert line["names"] in str(caught.value)
    else:
        assert isinstance(caught.value, dcodec.FormatError)
        assert caught.value.clause == line["clause"]
