#include "prog/guestagent/phases.h"

#include "base/log.h"
#include "base/mem.h"
#include "sys/file.h"

enum { FILE_SIZE_MAX = 64 * 1024 };

static char *one_line(const char *text)
{
    auto_sb struct sb out = { 0 };
    struct sv rest = sv_trim(sv_of(text)), line;

    if (rest.n == 0)
        return NULL;
    while (sv_next_line(&rest, &line)) {
        if (out.n)
            sb_puts(&out, ", ");
        sb_put(&out, line);
    }
    return sb_steal(&out);
}

bool phases_set(struct phases *phases, enum guest_phase phase, enum guest_state state,
                const char *text)
{
    auto_mem char *line = one_line(text);

    if (phases_is(phases, phase, state) && str_eq(phases->v[phase].text, line))
        return false;
    phases->v[phase].known = true;
    phases->v[phase].state = state;
    mem_replace(&phases->v[phase].text, MOVE(line));
    return true;
}

bool phases_is(const struct phases *phases, enum guest_phase phase, enum guest_state state)
{
    return phases->v[phase].known && phases->v[phase].state == state;
}

void phases_put(const struct phases *phases, enum guest_phase phase, struct sb *out)
{
    guest_encode(out, &(struct guest_msg){ .type = GUEST_PHASE,
                                           .phase = phase,
                                           .state = phases->v[phase].state,
                                           .text = sv_of(phases->v[phase].text) });
}

void phases_put_all(const struct phases *phases, struct sb *out)
{
    for (enum guest_phase phase = 0; phase < GUEST_PHASE_COUNT; phase++)
        if (phases->v[phase].known)
            phases_put(phases, phase, out);
}

void phases_format(const struct phases *phases, struct sb *out)
{
    for (enum guest_phase phase = 0; phase < GUEST_PHASE_COUNT; phase++)
        if (phases->v[phase].known)
            sb_putf(out, "%s %s %s\n", guest_phase_name(phase),
                    guest_state_name(phases->v[phase].state),
                    phases->v[phase].text ? phases->v[phase].text : "");
}

static int find_phase(struct sv name)
{
    for (int phase = 0; phase < GUEST_PHASE_COUNT; phase++)
        if (sv_eq_str(name, guest_phase_name((enum guest_phase)phase)))
            return phase;
    return -1;
}

static int find_state(struct sv name)
{
    for (int state = 0; state < GUEST_STATE_COUNT; state++)
        if (sv_eq_str(name, guest_state_name((enum guest_state)state)))
            return state;
    return -1;
}

void phases_parse(struct phases *phases, struct sv text)
{
    for (struct sv line; sv_next_line(&text, &line);) {
        struct sv phase_name, state_name;
        auto_mem char *detail = NULL;
        int phase, state;

        if (!sv_next(&line, ' ', &phase_name) || !sv_next(&line, ' ', &state_name))
            continue;
        phase = find_phase(phase_name);
        state = find_state(state_name);
        detail = sv_dup(line);
        if (phase >= 0 && state >= 0)
            phases_set(phases, (enum guest_phase)phase, (enum guest_state)state, detail);
    }
}

bool phases_save(const struct phases *phases, const char *path, struct err **errp)
{
    auto_sb struct sb text = { 0 };

    phases_format(phases, &text);
    return file_write_atomic(path, sb_view(&text), 0644, errp);
}

void phases_load(struct phases *phases, const char *path)
{
    auto_sb struct sb text = { 0 };

    if (file_read_all(path, FILE_SIZE_MAX, &text, NULL))
        phases_parse(phases, sb_view(&text));
}

void phases_done(struct phases *phases)
{
    for (size_t i = 0; i < GUEST_PHASE_COUNT; i++)
        free(phases->v[i].text);
    *phases = (struct phases){ 0 };
}
