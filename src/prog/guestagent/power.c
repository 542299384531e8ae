#include "prog/guestagent/power.h"

#include <fcntl.h>
#include <linux/input.h>
#include <stdint.h>
#include <sys/ioctl.h>

#include "base/path.h"
#include "base/strv.h"
#include "sys/dir.h"

static bool has_power_key(int fd)
{
    uint8_t keys[KEY_MAX / 8 + 1] = { 0 };

    return ioctl(fd, EVIOCGBIT(EV_KEY, sizeof(keys)), keys) >= 0 &&
           (keys[KEY_POWER / 8] >> (KEY_POWER % 8) & 1);
}

void power_open(struct power *power)
{
    auto_strv struct strv names = { 0 };

    *power = (struct power){ 0 };
    if (!dir_list("/dev/input", &names, NULL))
        return;
    for (size_t i = 0; i < names.n; i++) {
        auto_mem char *path = path_join("/dev/input", names.v[i]);
        auto_fd int fd = -1;

        if (!str_starts(names.v[i], "event"))
            continue;
        fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        if (fd >= 0 && has_power_key(fd))
            *vec_push(&power->fds) = MOVE_FD(fd);
    }
}

bool power_is_pressed(int fd)
{
    struct input_event events[16];
    bool pressed = false;
    ssize_t n;

    while ((n = read(fd, events, sizeof(events))) > 0)
        for (size_t i = 0; i < (size_t)n / sizeof(events[0]); i++)
            if (events[i].type == EV_KEY && events[i].code == KEY_POWER && events[i].value == 1)
                pressed = true;
    return pressed;
}

void power_done(struct power *power)
{
    for (size_t i = 0; i < power->fds.n; i++)
        (void)close(power->fds.v[i]);
    vec_done(&power->fds);
}
