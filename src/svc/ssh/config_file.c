#include "svc/ssh/config_file.h"

#include "base/mem.h"
#include "base/num.h"
#include "base/sb.h"
#include "sys/file.h"

enum { CONFIG_SIZE_MAX = 256 * 1024 };

char *ssh_config_body(const char *host, const struct strv *options, const char *address,
                      uint16_t port)
{
    auto_sb struct sb out = { 0 };

    sb_putf(&out, "Host %s\n", host);
    for (size_t i = 0; i < options->n; i++) {
        struct sv value = sv_of(options->v[i]), key = { 0 };

        (void)sv_next(&value, '=', &key);
        sb_putf(&out, "  %.*s %.*s\n", SV_ARG(key), SV_ARG(value));
    }
    sb_putf(&out, "  Hostname %s\n  Port %u\n", address, port);
    return sb_steal(&out);
}

bool ssh_config_write(const char *path, const char *name, const char *host,
                      const struct strv *options, const char *address, uint16_t port,
                      struct err **errp)
{
    auto_mem char *body = ssh_config_body(host, options, address, port);
    auto_mem char *text = mem_printf("# Made at each start of the instance \"%s\"; changes are lost.\n"
                                     "# Use it as: ssh -F '%s' %s\n"
                                     "# or add an Include of it to your ~/.ssh/config.\n"
                                     "%s", name, path, host, body);

    return file_write_atomic(path, sv_of(text), 0600, errp);
}

bool ssh_config_find_port(const char *text, uint16_t *out_port)
{
    struct sv rest = sv_of(text), line;

    while (sv_next(&rest, '\n', &line)) {
        line = sv_trim(line);
        if (sv_starts(line, SV("Port ")) &&
            parse_u16(sv_trim(sv_slice(line, strlen("Port "), line.n)), out_port))
            return true;
    }
    return false;
}

bool ssh_config_read_port(const char *path, uint16_t *out_port, struct err **errp)
{
    auto_mem char *text = NULL;

    if (!file_read_text(path, CONFIG_SIZE_MAX, &text, errp))
        return false;
    if (!ssh_config_find_port(text, out_port))
        return err_set(errp, ERR_NOT_FOUND, "%s has no Port line", path);
    return true;
}
