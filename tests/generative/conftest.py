from __future__ import annotations

import pytest
from tiny_gans import CODES, pictures, tiny_gan

from lesionlib.generative import train
from lesionlib.generative.checkpoint import FILE


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """A trained GAN, its history, and its last checkpoint."""
    folder = tmp_path_factory.mktemp("unbroken")
    gan = tiny_gan(codes=CODES)
    history = train(gan, pictures(), folder, checkpoint_every=8)
    return gan, history, (folder / FILE).read_bytes()
