"""Pages of freed arrays stay with the process inside of ``keeping_pages``, and leave afterwards."""

from __future__ import annotations

import sys

import pytest
import torch

from kgrec.fitting.memory import keeping_pages

NUMBERS = 12 * 2**20  # float32: more than glibc keeps by itself
PAGES = NUMBERS * 4 // 4096


def new_pages(smaller: int = 0) -> int:
    """The pages that the system hands out for an array that is freed at once. A smaller one fits
    where the last one was, whatever was put behind that meanwhile."""
    import resource

    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(NUMBERS - 4096 * smaller)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@pytest.mark.skipif(sys.platform != "linux", reason="other systems manage memory otherwise")
def test_a_large_array_takes_the_pages_of_the_last_one() -> None:
    few, many = 16, PAGES // 1024  # the system may hand out large pages
    assert new_pages() >= many
    with keeping_pages():
        new_pages()
        assert max(new_pages(count) for count in (1, 2, 3)) < few
        with keeping_pages():
            assert new_pages(4) < few
        assert new_pages(5) < few
    assert new_pages(6) >= many, "the pages went back"
