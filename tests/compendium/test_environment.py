"""The conda and Binder environment agrees with the lock; neither names an index."""

import re

import yaml

from compendium import environment
from tests.small import ROOT


def test_environment_and_lock_give_the_same_versions():
    content = yaml.safe_load((ROOT / "environment.yml").read_text())
    pip = next(item["pip"] for item in content["dependencies"] if isinstance(item, dict))
    listed = dict(line.split("==") for line in pip if "==" in line)
    assert listed == environment.pins(ROOT / "requirements.lock")
    assert len(listed) > 100 and {"papermill", "xarray", "jupyter-book"} <= set(listed)
    assert (ROOT / "environment.yml").read_text() == environment.text(ROOT / "requirements.lock")


def test_every_pin_has_a_hash_and_no_lock_names_an_index():
    for lock in (ROOT / "requirements.lock", ROOT / "tests/bench/requirements.lock"):
        text = lock.read_text()
        pinned = re.findall(
            r"(?m)^[\w.-]+(?:\[.*?\])?==.*\\\n(    --hash=sha256:[0-9a-f]{64})", text
        )
        assert len(pinned) == len(re.findall(r"(?m)^[\w.-]+(?:\[.*?\])?==", text))
        assert "://" not in text and "index-url" not in text
