# Sourced by ./run and ./test: what the machine must have, said before it is installed.

# Stops with a remedy when Rust is not here; it is not installed behind anybody's back.
need_cargo() {
    if ! command -v cargo >/dev/null && [ -f "${HOME:-}/.cargo/env" ]; then
        source "$HOME/.cargo/env"
    fi
    if ! command -v cargo >/dev/null; then
        echo "cargo is missing: install Rust from https://rustup.rs, open a new shell and start again" >&2
        exit 1
    fi
}

# need_packages <why> <package>...: installs the Debian packages that are missing.
need_packages() {
    local why=$1 package missing=()
    shift
    for package in "$@"; do
        has_package "$package" || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0

    echo "installing ${missing[*]}: $why" >&2
    if ! command -v apt-get >/dev/null; then
        echo "there is no apt-get here: install by hand what your system calls ${missing[*]}, then start again" >&2
        exit 1
    fi
    if ! apt_get install "${missing[@]}"; then
        apt_get update
        apt_get install "${missing[@]}" || {
            echo "apt-get could not install ${missing[*]}; its reason is above" >&2
            exit 1
        }
    fi
}

# A package counts as present when dpkg says so or, on other systems, when its program is there.
has_package() {
    # Packages of Node that are not the distribution's bring npm along, and keep the distribution's away.
    case $1 in
        nodejs) command -v node >/dev/null && return ;;
        npm) command -v npm >/dev/null && return ;;
    esac
    if command -v dpkg-query >/dev/null; then
        [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
        return
    fi
    case $1 in
        gcc) command -v cc >/dev/null ;;
        libc6-dev) [ -f /usr/include/stdlib.h ] ;;
        cmake | make) command -v "$1" >/dev/null ;;
        sip-tester) command -v sipp >/dev/null ;;
        baresip-core) command -v baresip >/dev/null ;;
        linphone-cli) command -v linphonec >/dev/null ;;
        ffmpeg) command -v ffmpeg >/dev/null ;;
        sox | libsox-fmt-mp3) command -v sox >/dev/null ;;
        python3-venv) python3 -c 'import ensurepip' 2>/dev/null ;;
        postgresql) command -v postgres >/dev/null ;;
        *) false ;;
    esac
}

# need_browser_phones: JsSIP and SIP.js at the versions of tests/browsers/package-lock.json, each made into one script that a page can
# load. Made once, and again when anything of tests/browsers is newer.
need_browser_phones() {
    local from=tests/browsers into=target/browsers
    if [ -f "$into/jssip.js" ] && [ -f "$into/sip.js" ] && [ -z "$(find "$from" -newer "$into/jssip.js")" ]; then
        return
    fi
    echo "putting together the phones that Chromium runs: JsSIP and SIP.js from npm" >&2
    mkdir -p "$into/work" && cp "$from"/* "$into/work/" || return 1
    # No package may run scripts of its own; none needs to.
    (cd "$into/work" && npm ci --ignore-scripts --no-audit --no-fund >&2) || return 1
    "$into/work/node_modules/.bin/esbuild" "$into/work/jssip.js" "$into/work/sip.js" \
        --bundle --format=iife --target=chrome120 --outdir="$into" --log-level=warning
}

# need_schemathesis: who tries the API by its own description, at one version, in an environment of its own.
need_schemathesis() {
    local into=target/schemathesis version=4.32.5
    [ "$("$into/bin/st" --version 2>/dev/null | tr -dc '0-9.')" = "$version" ] && return
    echo "installing schemathesis $version from PyPI, into $into" >&2
    python3 -m venv "$into" && "$into/bin/pip" install --quiet "schemathesis==$version" >&2
}

apt_get() {
    local verb=$1 as_root=()
    shift
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || {
            echo "only root can install packages and there is no sudo: run as root: apt-get $verb $*" >&2
            exit 1
        }
        as_root=(sudo)
    fi
    local options=(--quiet --yes)
    [ "$verb" = install ] && options+=(--no-install-recommends)
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get "${options[@]}" "$verb" "$@" </dev/null >&2
}

# need_tool <crate> <version>: a cargo tool at exactly this version, compiled once into a cache outside the tree.
need_tool() {
    local crate=$1 version=$2 cache
    cache="${XDG_CACHE_HOME:-${HOME:-$PWD/target}/.cache}/patchcord-tools"
    case ":$PATH:" in
        *":$cache/bin:"*) ;;
        *) export PATH="$cache/bin:$PATH" ;;
    esac
    [ "$(tool_version "$crate")" = "$version" ] && return
    echo "installing $crate $version into $cache: compiled once, takes some minutes" >&2
    # Built to run soon rather than fast: optimising the tool costs more than it saves here.
    CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
        cargo install --quiet --locked --root "$cache" --version "$version" "$crate"
}

tool_version() {
    cargo "${1#cargo-}" --version 2>/dev/null | sed -n "1s/^$1 \([0-9.]*\).*/\1/p"
}
