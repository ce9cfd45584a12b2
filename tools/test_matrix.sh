#!/bin/sh
# Runs the whole test suite on each version of PostgreSQL; the last lines tell the results.
# usage: test_matrix.sh "15 16 17 18" python -m pytest [arguments]
set -u
versions=$1
python=$2
shift
summary=''
failed=0
for version in $versions; do
    echo "== PostgreSQL $version"
    if bindir=$("$python" -m tests.tools server "$version") && ESDB_TEST_PG_BINDIR=$bindir "$@"; then
        result=passed
    else
        result=FAILED
        failed=1
    fi
    summary="$summary
PostgreSQL $version: $result"
done
echo "$summary"
exit "$failed"
