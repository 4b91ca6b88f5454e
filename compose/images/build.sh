#!/usr/bin/env bash
# Build Postgres 17 and Redis 8 images from Debian packages, for an engine that reaches no registry.
#
# usage: sudo compose/images/build.sh [--force]
#
#   --force   build again, even if the images are up to date
#
# Needs root (debootstrap makes device files), debootstrap, and a Docker engine (DOCKER_HOST is respected).
# Environment:
#   POSTGRES_TAG    default test-framework/postgres:17
#   REDIS_TAG       default test-framework/redis:8
#   DEBIAN_MIRROR   default: the Debian mirror in apt's configuration, else debootstrap's own
#   TMPDIR          default /var/tmp; takes about 1 GB, must not be mounted nodev or noexec
# Exit status: 0 built or up to date, 1 a step failed (its log is shown), 2 something is missing.
set -euo pipefail

suite=trixie
packages=postgresql-17,redis-server
base_tag=test-framework/base:$suite
postgres_tag=${POSTGRES_TAG:-test-framework/postgres:17}
redis_tag=${REDIS_TAG:-test-framework/redis:8}
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

apt_mirror() {
    # shellcheck disable=SC2016  # the $(…) are apt's
    apt-get indextargets --format '$(ORIGIN) $(COMPONENT) $(SUITE) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
        awk '$1 == "Debian" && $2 == "main" && $3 !~ /security|updates|backports/ { print $4; exit }' || true
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
    local content=$1 root=$work/root mirror=${DEBIAN_MIRROR:-$(apt_mirror)}
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

# build_image FOLDER TAG CONTENT
build_image() {
    step "build $2" 300 docker build --network=none --build-arg "BASE=$base_tag" \
        --label "$label=$3" --tag "$2" "$1"
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
if up_to_date "$postgres_tag" "$postgres" && up_to_date "$redis_tag" "$redis"; then
    echo "up to date: $postgres_tag $redis_tag"
    exit
fi

trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
work=$(mktemp -d "${TMPDIR:-/var/tmp}/test-framework-images.XXXXXX")

up_to_date "$base_tag" "$base" || build_base "$base"
up_to_date "$postgres_tag" "$postgres" || build_image postgres "$postgres_tag" "$postgres"
up_to_date "$redis_tag" "$redis" || build_image redis "$redis_tag" "$redis"
# What these replaced has lost its name and would only take room.
docker image prune --force --filter "label=$label" >/dev/null 2>&1 || true
printf 'done in %d s: %s %s\n' "$SECONDS" "$postgres_tag" "$redis_tag"
