# Runs the text of a `%%repro sh` cell inside the container. It ends with the first command that
# fails, as a script with `set -e` does.
#
# Beside this file lie cell.sh (the cell), given.sh (its variables) and outputs.sh (what is taken).

_repro_end() {
    trap - EXIT
    [ "$1" -eq 0 ] || exit "$1"
    set +e
    . /opt/reprokit/cell/outputs.sh
    exit 0
}

# A number, a name, its value, and whether it is set. The name of a .csv or .json file stands for
# what is in it.
_repro_take() {
    if [ -z "$4" ]; then
        printf '{"error": "the cell sets no %s, which is to be taken out of it"}' "$2" \
            > /opt/reprokit/taken/ending.json
        exit 1
    fi
    case $3 in
        *.csv | *.json)
            if [ -f "$3" ]; then
                cat "$3" > "/opt/reprokit/taken/$1.${3##*.}" || exit 1
                return
            fi
            ;;
    esac
    printf '%s' "$3" > "/opt/reprokit/taken/$1.txt" || exit 1
}

. /opt/reprokit/cell/given.sh
trap '_repro_end $?' EXIT
set -e
. /opt/reprokit/cell/cell.sh
