"""The test suite's own plugins; here at the top, so that they serve tests/ and sql/tests/ alike."""

pytest_plugins = ("tests.fixtures", "tests.peer_stores", "tests.pgtap", "tests.standby")
