#!/bin/sh
# Makes the virtual environment that every make target runs in, or ends at once if it is current.
#
#   tools/setup.sh VENV [PYTHON]     make or refresh VENV, with the interpreter PYTHON if named
#   tools/setup.sh --remove VENV     remove VENV
#
# The environment holds the packages of requirements.lock (wheels only, checked by their hashes) and
# this checkout, installed editable and without any download. A file in the environment remembers
# what it was made from: a changed lock, interpreter or place makes it anew, a changed
# pyproject.toml installs only the project again. A folder without that file is never removed,
# unless it is empty.
set -eu

supported="3.11, 3.12 or 3.13"
mark=.hutong-setup

say() { printf '%s\n' "$*" >&2; }
fail() {
    say "setup: $1"
    shift
    for line in "$@"; do say "       $line"; done
    exit 1
}

# Prints "<version> <executable>" of an interpreter. Returns 1 if it does not run, 3 if its version
# is not supported, 4 if it cannot make environments. The program runs on any Python since 2.7.
probe() {
    "$1" -c '
import sys
version = "%d.%d" % tuple(sys.version_info[:2])
sys.stdout.write(version + " " + (sys.executable or ""))
if not (3, 11) <= tuple(sys.version_info[:2]) < (3, 14) or sys.version_info[3] != "final":
    sys.exit(3)
try:
    import ensurepip, venv
except ImportError:
    sys.exit(4)
' 2>/dev/null || {
        code=$?
        case $code in 3 | 4) return "$code" ;; *) return 1 ;; esac
    }
}

# Sets python (the executable) and version, or explains what to install and ends.
choose() {
    first_code=
    first_name=
    first_version=
    if [ -z "$1" ]; then set -- python3 python3.13 python3.12 python3.11; fi
    for name in "$@"; do
        code=0
        found=$(probe "$name") || code=$?
        version=${found%% *}
        if [ "$code" = 0 ]; then
            python=${found#* }
            return
        fi
        # What is worth telling is the interpreter that needs least: a package, then a version.
        if [ -z "$first_code" ] || [ "$code" -gt "$first_code" ]; then
            first_code=$code first_name=$name first_version=$version
        fi
    done
    other="Or name another interpreter: make setup PYTHON=/path/to/python3.12"
    case $first_code in
    4)
        fail "$first_name is Python $first_version without the modules venv and ensurepip." \
            "On Debian and Ubuntu: sudo apt install python$first_version-venv" "$other"
        ;;
    3)
        fail "$first_name is Python $first_version, but Hutong needs $supported." \
            "On Debian 12: sudo apt install python3.11 python3.11-venv" \
            "On Ubuntu 24.04: sudo apt install python3.12 python3.12-venv" \
            "On Debian 13: sudo apt install python3.13 python3.13-venv" "$other"
        ;;
    *)
        fail "$first_name does not run here, and Hutong needs Python $supported." \
            "On Debian and Ubuntu: sudo apt install python3 python3-venv" "$other"
        ;;
    esac
}

remove() {
    [ -e "$1" ] || return 0
    rmdir "$1" 2>/dev/null && return 0
    [ -f "$1/$mark" ] || fail "$1 was not made by this script, so it is left alone." \
        "Remove it yourself, or name another place: make setup VENV=/path/to/new/folder"
    rm -rf "$1"
}

cd "$(dirname "$0")/.."
if [ "${1-}" = --remove ]; then
    remove "${2:?}"
    exit 0
fi

venv=${1:?usage: tools/setup.sh VENV [PYTHON]}
wanted=${2-}

made_from="$(pwd -P) $(cksum requirements.lock tools/setup.sh | tr '\n' ' ')"
project=$(cksum pyproject.toml)

old_python='' old_made_from='' old_project=''
if [ -f "$venv/$mark" ] && "$venv/bin/python" -c '' 2>/dev/null; then
    {
        read -r old_python || :
        read -r old_made_from || :
        read -r old_project || :
    } <"$venv/$mark"
fi
if [ -n "$old_python" ] && [ -z "$wanted" ]; then
    python=$old_python
else
    choose "$wanted"
fi

# `read` drops the blank at the end of a line, hence the comparison without it.
if [ "$old_python" != "$python" ] || [ "$old_made_from" != "${made_from% }" ]; then
    if [ -z "${version-}" ]; then choose "$python"; fi
    remove "$venv"
    say "setup: making $venv with Python $version ($python)"
    mkdir -p "$venv"
    : >"$venv/$mark"
    "$python" -m venv "$venv" ||
        fail "$python could not make a virtual environment in $venv (its message stands above)."
    say "setup: installing $(grep -c '^[a-z]' requirements.lock) pinned packages"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
        --require-hashes --only-binary :all: --no-deps -r requirements.lock ||
        fail "the packages of requirements.lock could not be installed (pip's message stands above)."
    # Remembered now, so that a project that can't be installed doesn't cost the packages again.
    old_project=
    printf '%s\n%s\n' "$python" "${made_from% }" >"$venv/$mark"
fi

if [ "$old_project" != "$project" ]; then
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
        --no-index --no-deps --no-build-isolation --editable . ||
        fail "this checkout could not be installed into $venv (pip's message stands above)."
    printf '%s\n%s\n%s\n' "$python" "${made_from% }" "$project" >"$venv/$mark"
    say "setup: $venv is ready"
fi
