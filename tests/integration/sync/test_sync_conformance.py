"""Every adapter through every case, by the running service against the sandbox: what a person sees, what the platform saw, who is held up.

Who is walked through what stands in conformance_table.py, the cases in the files whose names begin as this one's does.
"""

import test_sync_conformance_access
import test_sync_conformance_pictures
import test_sync_conformance_troubles
from conformance_table import COLUMNS, WALKED, Case

from services.sync.platforms.base import find_builders

# They are read, and so the cases are known.
CASES = (test_sync_conformance_access, test_sync_conformance_pictures, test_sync_conformance_troubles)


def test_every_adapter_has_a_column() -> None:
    assert {column.platform for column in COLUMNS.values()} == set(find_builders())


def test_every_case_is_walked_in_every_column() -> None:
    rows = {(name, case) for name, column in COLUMNS.items() for case in Case if case not in column.not_here}
    assert rows == WALKED


def test_where_a_case_has_no_meaning_the_table_says_why() -> None:
    for name, column in COLUMNS.items():
        for case, why in column.not_here.items():
            assert why.endswith("."), (name, case)
            assert len(why.split()) > 4, (name, case)
