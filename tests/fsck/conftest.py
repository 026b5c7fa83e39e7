"""A settled, anchored month with several hundred entries after it, made once on each database."""

from __future__ import annotations

import pytest

from tests.databases import BACK_ENDS, postgresql, sqlite_template  # noqa: F401 - fixtures
from tests.fsck.world import Checked, make


@pytest.fixture(scope="session", params=BACK_ENDS)
def checked(request, tmp_path_factory) -> Checked:
    """The installation, not to be changed but in transactions that are rolled back."""
    url = None
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql")(True)
    return make(tmp_path_factory.mktemp(f"fsck-{request.param}"), url)
