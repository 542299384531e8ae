#include "prog/hostagent/boot_progress.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/quote.h"
#include "prog/hostagent/cloud_init.h"
#include "svc/ssh/options.h"

enum { LINE_MAX_LEN = 512 };

struct boot_progress {
    struct uv_loop_s *loop;
    const struct setup *setup;
    struct events *events;
    struct cloud_init *cloud_init;
    bool is_wanted, has_own_init;
    bool is_over; /* and told */
};

static void put_line(void *arg, struct sv line)
{
    struct boot_progress *p = arg;
    auto_mem char *text = quote_printable(line, LINE_MAX_LEN);

    events_progress(p->events, text, false);
}

static void end(struct boot_progress *p, const char *why)
{
    if (!p->is_wanted || p->is_over)
        return;
    p->is_over = true;
    events_progress(p->events, why, true);
}

static void cloud_init_ended(void *arg, const char *why)
{
    struct boot_progress *p = arg;

    cloud_init_close(MOVE(p->cloud_init));
    end(p, why);
}

void boot_progress_has_own_init(struct boot_progress *p)
{
    p->has_own_init = true;
}

void boot_progress_phase(struct boot_progress *p, struct sv line)
{
    if (p->is_wanted && p->has_own_init)
        put_line(p, line);
}

void boot_progress_ssh_usable(struct boot_progress *p)
{
    auto_err struct err *err = NULL;

    if (!p->is_wanted || p->has_own_init || p->setup->config.plain.v)
        return;
    p->cloud_init = cloud_init_open(
        &(struct cloud_init_params){
            .loop = p->loop,
            .ssh = setup_guest_ssh(p->setup),
            .on_line = put_line,
            .on_end = cloud_init_ended,
            .arg = p,
        },
        &err);
    if (!p->cloud_init)
        log_warn("Cannot follow cloud-init: %s", err_text(err));
}

void boot_progress_ready(struct boot_progress *p)
{
    if (!p->cloud_init)
        end(p, "the guest has booted");
}

struct boot_progress *boot_progress_open(struct uv_loop_s *loop, const struct setup *setup,
                                         struct events *events)
{
    struct boot_progress *p = mem_new(struct boot_progress);

    p->loop = loop;
    p->setup = setup;
    p->events = events;
    p->is_wanted = setup->options->progress;
    if (p->is_wanted)
        events_progress(events, NULL, false);
    return p;
}

void boot_progress_close(struct boot_progress *p)
{
    if (!p)
        return;
    cloud_init_close(p->cloud_init);
    free(p);
}
