#include "prog/guestagent/power.h"

#include <fcntl.h>
#include <linux/gpio.h>
#include <linux/input.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/sb.h"
#include "base/strv.h"
#include "sys/dir.h"
#include "sys/file.h"

enum { PROPERTY_SIZE_MAX = 256, CELL_LEN = 4 };

/* As QEMU's "virt" machine has it. */
#define BUTTON_PROPERTY "/proc/device-tree/gpio-keys/poweroff/gpios"
#define CHIP_DIR        "/sys/bus/gpio/devices"

static bool has_power_key(int fd)
{
    uint8_t keys[KEY_MAX / 8 + 1] = { 0 };

    return ioctl(fd, EVIOCGBIT(EV_KEY, sizeof(keys)), keys) >= 0 &&
           (keys[KEY_POWER / 8] >> (KEY_POWER % 8) & 1);
}

void power_open_keys(struct power *power)
{
    auto_strv struct strv names = { 0 };

    if (!dir_list("/dev/input", &names, NULL))
        return;
    for (size_t i = 0; i < names.n; i++) {
        auto_mem char *path = path_join("/dev/input", names.v[i]);
        auto_fd int fd = -1;

        if (!str_starts(names.v[i], "event"))
            continue;
        fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        if (fd >= 0 && has_power_key(fd))
            *vec_push(&power->keys) = MOVE_FD(fd);
    }
}

static uint32_t cell(const char *p)
{
    uint32_t value = 0;

    for (int i = 0; i < CELL_LEN; i++)
        value = value << 8 | (uint8_t)p[i];
    return value;
}

bool power_parse_gpios(struct sv property, uint32_t *out_chip, uint32_t *out_line)
{
    if (property.n < 2 * CELL_LEN)
        return false;
    *out_chip = cell(property.p);
    *out_line = cell(property.p + CELL_LEN);
    return true;
}

/* The device file of the chip with this phandle; NULL = none, owned. */
static char *find_chip(uint32_t phandle)
{
    auto_strv struct strv names = { 0 };

    if (!dir_list(CHIP_DIR, &names, NULL))
        return NULL;
    for (size_t i = 0; i < names.n; i++) {
        auto_mem char *path = mem_printf(CHIP_DIR "/%s/of_node/phandle", names.v[i]);
        auto_sb struct sb property = { 0 };

        if (file_read_all(path, PROPERTY_SIZE_MAX, &property, NULL) && property.n == CELL_LEN &&
            cell(property.p) == phandle)
            return path_join("/dev", names.v[i]);
    }
    return NULL;
}

void power_open_line(struct power *power)
{
    struct gpio_v2_line_request request = { .num_lines = 1,
                                            .consumer = "lima-guestagent",
                                            .config.flags = GPIO_V2_LINE_FLAG_INPUT |
                                                            GPIO_V2_LINE_FLAG_EDGE_RISING };
    auto_sb struct sb property = { 0 };
    auto_mem char *path = NULL;
    auto_fd int chip_fd = -1;
    uint32_t chip;

    if (!file_read_all(BUTTON_PROPERTY, PROPERTY_SIZE_MAX, &property, NULL) ||
        !power_parse_gpios(sb_view(&property), &chip, &request.offsets[0]))
        return;
    path = find_chip(chip);
    chip_fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (chip_fd < 0 || ioctl(chip_fd, GPIO_V2_GET_LINE_IOCTL, &request) < 0)
        return;
    power->line_fd = request.fd;
    (void)fcntl(request.fd, F_SETFD, FD_CLOEXEC);
    (void)fcntl(request.fd, F_SETFL, O_NONBLOCK);
}

static bool is_line_pressed(int fd)
{
    struct gpio_v2_line_event event;
    bool pressed = false;

    while (read(fd, &event, sizeof(event)) == (ssize_t)sizeof(event))
        pressed = pressed || event.id == GPIO_V2_LINE_EVENT_RISING_EDGE;
    return pressed;
}

static bool is_key_pressed(int fd)
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

bool power_is_pressed(const struct power *power, int fd)
{
    return fd == power->line_fd ? is_line_pressed(fd) : is_key_pressed(fd);
}

void power_done(struct power *power)
{
    for (size_t i = 0; i < power->keys.n; i++)
        (void)close(power->keys.v[i]);
    vec_done(&power->keys);
    if (power->line_fd >= 0)
        (void)close(power->line_fd);
    *power = POWER_NONE;
}
