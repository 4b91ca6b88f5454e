#!/bin/sh
# Same contract as the entrypoint of the official redis image.
set -e

case ${1-} in
    -* | *.conf) set -- redis-server "$@" ;;
esac
if [ "$1" != redis-server ]; then exec "$@"; fi

# The official image is compiled with this default; without it the published port refuses every client.
# At the end, because redis-server looks for --version and the like only in the first place.
case "$*" in
    *protected-mode*) ;;
    *) if [ ! -f "${2-}" ] || ! grep -qi '^ *protected-mode' "$2"; then set -- "$@" --protected-mode no; fi ;;
esac

# As the official image: what Redis saves is for Redis alone.
umask 0077
if [ "$(id -u)" = 0 ]; then
    # Volumes and tmpfs mounts come owned by root.
    find . ! -user redis -exec chown redis:redis {} +
    exec setpriv --reuid=redis --regid=redis --clear-groups "$@"
fi
exec "$@"
