#!/usr/bin/env bash
# Build images of Postgres 17, Redis 8 and the reference backend, for an engine that reaches no registry: the servers
# and Python from Debian packages, the backend's own packages from the Python index of this machine.
#
# usage: sudo compose/images/build.sh [--force]
#
#   --force   build again, even if the images are up to date
#
# Needs root (debootstrap makes device files), debootstrap, a Docker engine (DOCKER_HOST is respected), and pip or uv.
# Environment:
#   POSTGRES_TAG    default test-framework/postgres:17
#   REDIS_TAG       default test-framework/redis:8
#   BACKEND_TAG     default localhost/test-framework/backend:0.1
#   PYTHON          default python3: 3.11 or later; its pip collects the backend's packages, else uv does
#   DEBIAN_MIRROR   default: the Debian mirror in apt's configuration, else debootstrap's own
#   TMPDIR          default /var/tmp; takes about 1 GB, must not be mounted nodev or noexec
# Exit status: 0 built or up to date, 1 a step failed (its log is shown), 2 something is missing.
set -euo pipefail

suite=trixie
# One base for all three images: a second one would take another minute, and more room than it saves.
packages=postgresql-17,redis-server,python3,python3-pip
python_version=3.13 # trixie's
base_tag=test-framework/base:$suite
postgres_tag=${POSTGRES_TAG:-test-framework/postgres:17}
redis_tag=${REDIS_TAG:-test-framework/redis:8}
backend_tag=${BACKEND_TAG:-localhost/test-framework/backend:0.1}
python=${PYTHON:-python3}
label=test-framework.content
work=
child=

cd "$(dirname "${BASH_SOURCE[0]}")"

# The order of files, which goes into the labels, depends on it.
export LC_ALL=C
# Newer command lines would hand the build to buildx, whose builders may not see local images.
export DOCKER_BUILDKIT=${DOCKER_BUILDKIT:-0}

usage() {
    sed -n '/^# Build/,/^# Exit/s/^# \{0,1\}//p' build.sh
}

missing() {
    printf 'build.sh: %s\n' "$1" >&2
    exit 2
}

check_machine() {
    ((EUID == 0)) || missing 'needs root: run it with sudo'
    command -v debootstrap >/dev/null || missing 'debootstrap is not installed: apt-get install debootstrap'
    command -v docker >/dev/null || missing 'the docker command is not installed: apt-get install docker.io'
    timeout 10 docker version >/dev/null 2>&1 ||
        missing 'no Docker engine answers: start it, or set DOCKER_HOST (see: docker version)'
}

cleanup() {
    # The child is `timeout`, which hands the signal to everything it started.
    if [[ -n $child ]] && kill "$child" 2>/dev/null; then wait "$child" || true; fi
    rm -rf --one-file-system "$work"
}

# step TEXT LIMIT COMMAND...: run COMMAND for LIMIT seconds at most; show its log only if it fails.
step() {
    local text=$1 limit=$2 from=$EPOCHREALTIME status=0 tenths
    shift 2
    printf '%s ... ' "$text"
    # In the background, because bash answers Ctrl-C during `wait` but not during a command.
    timeout --kill-after=10 "$limit" "$@" >"$work/log" 2>&1 &
    child=$!
    wait "$child" || status=$?
    child=
    tenths=$(((${EPOCHREALTIME/./} - ${from/./}) / 100000))
    if ((status)); then
        printf 'failed after %d.%d s (exit %d)\n' $((tenths / 10)) $((tenths % 10)) "$status"
        if ((status == 124 || status == 137)); then printf 'stopped: the limit is %d s\n' "$limit" >&2; fi
        tail -n 40 "$work/log" >&2
        # What debootstrap prints is only a summary; the cause is in this file.
        if [[ -f $work/root/debootstrap/debootstrap.log ]]; then
            tail -n 40 "$work/root/debootstrap/debootstrap.log" >&2
        fi
        exit 1
    fi
    printf '%d.%d s\n' $((tenths / 10)) $((tenths % 10))
}

# content_of WORD FILE...: the label of what these make.
content_of() {
    local word=$1
    shift
    { printf '%s\n' "$word" && sha256sum -- "$@"; } | sha256sum | cut -c1-16
}

# up_to_date TAG CONTENT
up_to_date() {
    [[ -z $force && $(docker image inspect -f "{{index .Config.Labels \"$label\"}}" "$1" 2>/dev/null) == "$2" ]]
}

# What a test server never reads: two thirds of what is installed. Without LLVM, Postgres does without JIT, unasked.
# The last three say where the image was built, not what it is.
left_out=(
    './usr/share/doc/*' './usr/share/info/*' './usr/share/man/*' './usr/share/locale/*/LC_*' './usr/share/i18n/*'
    './usr/lib/*/libLLVM*' './usr/lib/*/libz3*'
    './usr/lib/postgresql/*/lib/bitcode' './usr/lib/postgresql/*/lib/llvmjit*'
    './var/cache/apt/*' './var/lib/apt/lists/*' './var/log/*'
    ./etc/apt/sources.list ./etc/hostname ./etc/resolv.conf
)

build_base() {
    local content=$1 root=$work/root mirror=${DEBIAN_MIRROR:-$(./apt-mirror.sh)}
    # dpkg and postgresql-common read these while they install: no fsync per file, no cluster of Debian's own.
    mkdir -p "$root/etc/dpkg/dpkg.cfg.d" "$root/etc/postgresql-common"
    echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/unsafe-io"
    echo 'create_main_cluster = false' >"$root/etc/postgresql-common/createcluster.conf"
    # Everything is installed here, so that `docker build` needs no network.
    # In a mount namespace of its own, what debootstrap mounts is gone even if it is killed.
    step "debootstrap $suite" 900 unshare --mount \
        debootstrap --variant=minbase --include="$packages" "$suite" "$root" ${mirror:+"$mirror"}
    # The official Postgres image sorts by this locale.
    step 'locale en_US.UTF-8' 60 chroot "$root" \
        localedef -i en_US -c -f UTF-8 -A /usr/share/locale/locale.alias en_US.UTF-8
    step 'pack' 120 tar -C "$root" -cf "$work/base.tar" --numeric-owner "${left_out[@]/#/--exclude=}" .
    step "import $base_tag" 300 docker import --change "LABEL $label=$content" "$work/base.tar" "$base_tag"
}

# build_image FOLDER TAG CONTENT [ARGUMENT...]
build_image() {
    step "build $2" 300 docker build --network=none --build-arg "BASE=$base_tag" \
        --label "$label=$3" --tag "$2" "${@:4}" "$1"
}

# The files that make the backend's image.
backend_files() {
    find ../backend/{Dockerfile,.dockerignore,README.md,pyproject.toml,src} -type f ! -path '*/__pycache__/*' | sort
}

find_pip() {
    if "$python" -c 'import pip, tomllib' 2>/dev/null; then
        run_python=("$python")
    elif command -v uv >/dev/null; then
        run_python=(uv run --quiet --no-project --python '>=3.11' --with pip python)
    else
        missing "$python is no Python 3.11 or later with pip: apt-get install python3-pip, or set PYTHON, or install uv"
    fi
}

# collect_wheels FOLDER: what the backend and its build need, for the Python of the image and not for this one.
collect_wheels() {
    local wanted platforms=() machine minor
    machine=$(uname -m)
    # pip takes each platform by its name: all that trixie's libc fits.
    for minor in {17..41}; do platforms+=(--platform "manylinux_2_${minor}_$machine"); done
    platforms+=(--platform "manylinux2014_$machine")
    # Not as a list in a file of ours: the versions are said once, in pyproject.toml.
    mapfile -t wanted < <("${run_python[@]}" -c 'import tomllib
told = tomllib.load(open("../backend/pyproject.toml", "rb"))
print(*told["project"]["dependencies"], *told["build-system"]["requires"], sep="\n")')
    step 'collect wheels' 600 "${run_python[@]}" -m pip --disable-pip-version-check download --quiet --dest "$1" \
        --only-binary=:all: --implementation cp --python-version "$python_version" "${platforms[@]}" "${wanted[@]}"
}

build_backend() {
    local context=$work/backend
    # A copy: the wheels are not for the checkout, and what is being edited there must not change in the middle.
    mkdir "$context"
    tar -C ../backend -cf - -T <(backend_files | sed 's|^../backend/||') | tar -C "$context" -xf -
    collect_wheels "$context/wheels"
    build_image "$context" "$backend_tag" "$1" --build-arg PIP_NO_INDEX=1
}

force=
case ${1-} in
    '') ;;
    --force) force=1 ;;
    -h | --help) usage && exit ;;
    *) usage >&2 && exit 2 ;;
esac
check_machine

base=$(content_of "$suite" build.sh)
postgres=$(content_of "$base" postgres/*)
redis=$(content_of "$base" redis/*)
mapfile -t files < <(backend_files)
backend=$(content_of "$base" "${files[@]}")
if up_to_date "$postgres_tag" "$postgres" && up_to_date "$redis_tag" "$redis" && up_to_date "$backend_tag" "$backend"
then
    echo "up to date: $postgres_tag $redis_tag $backend_tag"
    exit
fi

# Before the long part, which it would make vain.
up_to_date "$backend_tag" "$backend" || find_pip

trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
work=$(mktemp -d "${TMPDIR:-/var/tmp}/test-framework-images.XXXXXX")

up_to_date "$base_tag" "$base" || build_base "$base"
up_to_date "$postgres_tag" "$postgres" || build_image postgres "$postgres_tag" "$postgres"
up_to_date "$redis_tag" "$redis" || build_image redis "$redis_tag" "$redis"
up_to_date "$backend_tag" "$backend" || build_backend "$backend"
# What these replaced has lost its name and would only take room.
docker image prune --force --filter "label=$label" >/dev/null 2>&1 || true
printf 'done in %d s: %s %s %s\n' "$SECONDS" "$postgres_tag" "$redis_tag" "$backend_tag"
