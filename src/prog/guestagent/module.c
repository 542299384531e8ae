#include "prog/guestagent/module.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>

#include "base/log.h"
#include "base/path.h"
#include "base/sb.h"
#include "sys/file.h"
#include "sys/proc.h"

enum { LIST_SIZE_MAX = 64 * 1024 };

void module_parse_list(struct sv text, struct strv *out)
{
    for (struct sv line; sv_next_line(&text, &line);) {
        struct sv name;

        sv_next(&line, '#', &name);
        name = sv_trim(name);
        if (name.n > 0 && sv_find(name, '/') < 0)
            strv_push_sv(out, name);
    }
}

static void load(const char *path)
{
    auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST))
        log_warn("Cannot load %s: %s", path, strerror(errno));
}

void module_load_list(const char *dir)
{
    auto_mem char *list_path = path_join(dir, "modules");
    auto_sb struct sb text = { 0 };
    auto_strv struct strv names = { 0 };
    auto_err struct err *err = NULL;

    if (!file_read_all(list_path, LIST_SIZE_MAX, &text, &err)) {
        log_warn("No modules are loaded: %s", err_text(err));
        return;
    }
    module_parse_list(sb_view(&text), &names);
    for (size_t i = 0; i < names.n; i++) {
        auto_mem char *path = path_join(dir, names.v[i]);

        load(path);
    }
}

bool module_probe(const char *name, struct err **errp)
{
    auto_cmd struct cmd cmd = { .err = CMD_TO_PIPE(4096) };

    strv_push_list(&cmd.argv, "modprobe", "-q", name, NULL);
    return cmd_check(&cmd, NULL, errp);
}
