"""distinct() is numpy.unique."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kgrec.graph.distinct import distinct


@given(st.lists(st.integers(-5, 5)), st.sampled_from([np.int32, np.int64]))
def test_the_same_as_unique(values, kind):
    array = np.array(values, dtype=kind)
    found = distinct(array)
    assert found.tolist() == np.unique(array).tolist()
    assert found.dtype == kind
