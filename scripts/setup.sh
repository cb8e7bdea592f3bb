# Makes .venv with everything that development needs; sourced by the scripts beside it, from any directory.
#
# Leaves the working directory at the project's root and sets `venv` to the folder of its programs. The
# second time is quick: a stamp says which pyproject.toml and constraints.txt were installed. Set PYTHON to choose another
# interpreter. Needs no root; pip uses whatever index it is configured for. QuickFIX and QuantLib come as wheels or not at
# all: where there is none for the platform, its tests are skipped rather than its C++ compiled for ten minutes.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit 1
venv="$root/.venv/bin"

find_python() {
    local candidate
    for candidate in "${PYTHON:-}" python3.11 python3.12 python3.13 python3.14 python3; do
        if [ -n "$candidate" ] && command -v "$candidate" >/dev/null 2>&1 &&
            "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "setup: needs Python 3.11 or newer: found none as \$PYTHON, python3.11 ... python3.14 or python3" >&2
    return 1
}

setup() {
    local python wanted package
    # The folder counts too: an editable install points at the checkout that made it.
    wanted=$({ cat pyproject.toml scripts/constraints.txt; echo "$root"; } | cksum)
    if [ -x "$venv/python" ] && [ "$(cat .venv/stamp 2>/dev/null)" = "$wanted" ]; then
        return
    fi
    if [ ! -x "$venv/python" ]; then
        python=$(find_python) || return 1
        echo "setup: making .venv with $("$python" --version)" >&2
        "$python" -m venv .venv || return 1
    fi
    echo "setup: installing the engine and its tools into .venv, versions of scripts/constraints.txt" >&2
    if ! install_into "$venv/python" '.[dev,research,interop]'; then
        echo "setup: trying without QuickFIX and QuantLib, then each alone" >&2
        install_into "$venv/python" '.[dev,research]' fixcore-engine || return 1
        for package in quickfix-tls QuantLib; do
            install_into "$venv/python" '.[dev,research]' "$package" || echo "setup: no $package: its tests are skipped" >&2
        done
    fi
    echo "$wanted" >.venv/stamp
}

# install_into PYTHON PROJECT [PACKAGE ...]: the project in place, and packages, in the versions that were tested.
install_into() {
    local python=$1
    shift
    "$python" -m pip install --quiet --disable-pip-version-check --only-binary quickfix-tls,QuantLib \
        --constraint scripts/constraints.txt --editable "$@"
}

# Where the environment keeps Python from writing byte code (PYTHONDONTWRITEBYTECODE), every start of the daemon would
# compile the engine anew, which takes twice as long as all else in it. What is up to date is only looked at.
compile_ahead() {
    "$venv/python" -m compileall -q engine >/dev/null || true
}

setup || { echo "setup: failed, nothing was run" >&2; exit 1; }
compile_ahead
