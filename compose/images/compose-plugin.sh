#!/usr/bin/env bash
# Install the compose plugin of the docker command from Debian's package, where `docker compose version` fails.
#
# usage: sudo compose/images/compose-plugin.sh [FOLDER]
#
#   FOLDER   where the docker command looks for plugins; default /usr/local/lib/docker/cli-plugins
#
# Needs a Debian machine. trixie's package needs no more than libc 2.34, so that it serves bookworm too.
# Environment:
#   DEBIAN_MIRROR   default: the Debian mirror in apt's configuration
# Exit status: 0 installed or there before, 1 a step failed, 2 something is missing.
set -euo pipefail

suite=trixie
folder=${1:-/usr/local/lib/docker/cli-plugins}

missing() {
    printf 'compose-plugin.sh: %s\n' "$1" >&2
    exit 2
}

if docker compose version 2>/dev/null; then exit; fi
command -v docker >/dev/null || missing 'the docker command is not installed: apt-get install docker.io'
command -v apt-get >/dev/null || missing 'this is no Debian machine: install the plugin as Docker documents it'
cd "$(dirname "${BASH_SOURCE[0]}")"
mirror=${DEBIAN_MIRROR:-$(./apt-mirror.sh)}
[[ $mirror ]] || missing 'apt names no Debian mirror: set DEBIAN_MIRROR'

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{lists,cache}/partial
echo "deb $mirror $suite main" >"$work/sources.list"
# Lists of its own: those of this machine stay as they are. apt checks the signatures.
apt=(apt-get -qq -o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o "Dir::State::Lists=$work/lists" -o "Dir::Cache=$work/cache" -o Acquire::Languages=none
    -o APT::Sandbox::User=root)
timeout 300 "${apt[@]}" update
(cd "$work" && timeout 300 "${apt[@]}" download docker-compose && dpkg-deb -x docker-compose_*.deb unpacked)
install -D -m 755 "$work/unpacked/usr/libexec/docker/cli-plugins/docker-compose" "$folder/docker-compose"
docker compose version
