#include "golden.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/sb.h"
#include "base/strv.h"
#include "sys/dir.h"
#include "sys/file.h"

int golden_main(int argc, char **argv, golden_case_fn *run)
{
    auto_strv struct strv cases = { 0 };
    auto_err struct err *err = NULL;
    int status = 0;

    if (argc != 2 || !dir_list(argv[1], &cases, &err)) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    for (size_t i = 0; i < cases.n; i++) {
        auto_mem char *dir = path_join(argv[1], cases.v[i]);
        auto_err struct err *why = NULL;

        if (run(dir, &why))
            continue;
        fprintf(stderr, "%s: %s\n", cases.v[i], err_text(why));
        status = 1;
    }
    return status || cases.n == 0;
}

bool golden_settle(const char *dir, const char *name, struct sv text, struct err **errp)
{
    auto_mem char *path = path_join(dir, name);
    auto_sb struct sb expected = { 0 };

    if (getenv("UPDATE_GOLDEN"))
        return text.n ? file_write_atomic(path, text, 0644, errp) : file_remove(path, errp);
    if (file_exists(path) && !file_read_all(path, (size_t)1 << 20, &expected, errp))
        return false;
    return sv_eq(sb_view(&expected), text) ||
           err_set(errp, ERR_INVALID, "%s differs, it is now:\n%.*s", name, SV_ARG(text));
}
