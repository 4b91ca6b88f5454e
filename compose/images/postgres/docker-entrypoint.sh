#!/usr/bin/env bash
# Same contract as the entrypoint of the official postgres image, made to start fast.
# Not `set -u`: init scripts are sourced here and were written for the official one.
set -Eeo pipefail

# file_env VAR [DEFAULT]: VAR, or what is in the file that VAR_FILE names.
file_env() {
    local var=$1 file_var=$1_FILE
    if [[ -n ${!var:-} && -n ${!file_var:-} ]]; then
        echo "error: both $var and $file_var are set (but are exclusive)" >&2
        exit 1
    fi
    local value=${!var:-${2:-}}
    if [[ -n ${!file_var:-} ]]; then value=$(<"${!file_var}"); fi
    export "$var=$value"
    unset "$file_var"
}

check_password() {
    if [[ $POSTGRES_HOST_AUTH_METHOD == trust ]]; then
        echo 'WARNING: POSTGRES_HOST_AUTH_METHOD has been set to "trust". This will allow anyone' >&2
        echo '         with access to the Postgres port to access your database without a password.' >&2
    elif [[ -z $POSTGRES_PASSWORD ]]; then
        cat >&2 <<'END'
Error: Database is uninitialized and superuser password is not specified.
       You must specify POSTGRES_PASSWORD to a non-empty value for the
       superuser. For example, "-e POSTGRES_PASSWORD=password" on "docker run".

       You may also use "POSTGRES_HOST_AUTH_METHOD=trust" to allow all
       connections without a password. This is *not* recommended.

       See PostgreSQL documentation about "trust":
       https://www.postgresql.org/docs/current/auth-trust.html
END
        exit 1
    fi
}

make_cluster() {
    # The template fits only if nothing that initdb reads was changed; that it need not sync changes nothing.
    if [[ -z ${POSTGRES_INITDB_ARGS#--no-sync}$POSTGRES_INITDB_WALDIR$TZ$PGTZ${!LC_*} && $LANG == en_US.utf8 ]] &&
        [[ -z $(ls -A "$PGDATA") ]]; then
        tar -C "$PGDATA" -xf "$PGDATA_TEMPLATE"
    else
        # eval, because POSTGRES_INITDB_ARGS may carry quotes of its own.
        eval 'initdb --no-sync --username="$POSTGRES_USER" --pwfile=<(printf "%s\n" "$POSTGRES_PASSWORD")' \
            "${POSTGRES_INITDB_WALDIR:+--waldir=\"\$POSTGRES_INITDB_WALDIR\"} $POSTGRES_INITDB_ARGS"
    fi
    printf '\nhost all all all %s\n' "${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" >>"$PGDATA/pg_hba.conf"
}

# Names and the password go in by a single-user backend: to start and stop a whole server takes four times as long.
name_cluster() {
    local user=${POSTGRES_USER//\"/\"\"} database=${POSTGRES_DB//\"/\"\"}
    {
        # The session's own role cannot be renamed by ALTER ROLE. It is role 10 in every cluster.
        printf "UPDATE pg_authid SET rolname = '%s' WHERE oid = 10;\n\n" "${POSTGRES_USER//\'/\'\'}"
        printf "ALTER ROLE \"%s\" PASSWORD '%s';\n\n" "$user" "${POSTGRES_PASSWORD//\'/\'\'}"
        if [[ $POSTGRES_DB != postgres ]]; then
            printf 'CREATE DATABASE "%s" STRATEGY file_copy;\n\n' "$database"
        fi
    } | postgres --single -j -D "$PGDATA" -c exit_on_error=on -c fsync=off -c log_checkpoints=off \
        postgres >/dev/null
}

# Init scripts call this one by name.
docker_process_sql() {
    PGHOST='' PGHOSTADDR='' psql -v ON_ERROR_STOP=1 --no-psqlrc --no-password \
        --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" "$@"
}

run_init_scripts() {
    local f
    for f in /docker-entrypoint-initdb.d/*; do
        case $f in
            *.sh)
                echo "$0: running $f"
                # shellcheck source=/dev/null
                if [[ -x $f ]]; then "$f"; else . "$f"; fi
                ;;
            *.sql) echo "$0: running $f" && docker_process_sql -f "$f" ;;
            *.sql.gz) echo "$0: running $f" && gunzip -c "$f" | docker_process_sql ;;
            *) echo "$0: ignoring $f" ;;
        esac
    done
}

# init_cluster [POSTGRES-ARG...]
init_cluster() {
    check_password
    make_cluster
    name_cluster
    if [[ -n $(ls -A /docker-entrypoint-initdb.d) ]]; then
        # On the socket only, so that nobody connects from outside before the scripts are done.
        export PGPASSWORD=${PGPASSWORD:-$POSTGRES_PASSWORD}
        pg_ctl -w -o "$(printf '%q ' "$@" -c listen_addresses= -p "${PGPORT:-5432}")" start
        run_init_scripts
        pg_ctl -m fast -w stop
        unset PGPASSWORD
    else
        # The official image says this twice, and many wait strategies count to two.
        echo 'PostgreSQL init process: database system is ready to accept connections' >&2
    fi
    printf '\nPostgreSQL init process complete; ready for start up.\n\n'
}

wants_help() {
    local arg
    for arg; do
        case $arg in '-?' | --help | --describe-config | -V | --version) return 0 ;; esac
    done
    return 1
}

main() {
    if [[ ${1:0:1} == - ]]; then set -- postgres "$@"; fi
    if [[ $1 != postgres ]] || wants_help "$@"; then exec "$@"; fi

    # As root, because a secret may be readable by root only.
    file_env POSTGRES_PASSWORD
    file_env POSTGRES_USER postgres
    file_env POSTGRES_DB "$POSTGRES_USER"
    file_env POSTGRES_INITDB_ARGS
    if ((EUID == 0)); then
        # Volumes and tmpfs mounts come owned by root.
        mkdir -p "$PGDATA" ${POSTGRES_INITDB_WALDIR:+"$POSTGRES_INITDB_WALDIR"}
        find "$PGDATA" /run/postgresql ${POSTGRES_INITDB_WALDIR:+"$POSTGRES_INITDB_WALDIR"} \
            ! -user postgres -exec chown postgres:postgres {} +
        chmod 700 "$PGDATA"
        exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
    fi

    if [[ -s $PGDATA/PG_VERSION ]]; then
        printf '\nPostgreSQL Database directory appears to contain a database; Skipping initialization\n\n'
    else
        init_cluster "${@:2}"
    fi
    exec "$@"
}

main "$@"
