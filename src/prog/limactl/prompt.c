#include "prog/limactl/prompt.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <termios.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sb.h"
#include "prog/limactl/output.h"
#include "sys/file.h"
#include "sys/tty.h"

/* Options shown at once. */
#define PAGE 7
#define ANSWER_MAX 64

#define GREEN "\033[32m"
#define CYAN "\033[36m"
#define PLAIN "\033[0m"

bool prompt_can_ask(void)
{
    return tty_is(STDIN_FILENO);
}

/* Reads up to the line feed; longer answers are cut. False at the end of input. */
static bool read_line(char *line, size_t size)
{
    size_t n = 0;
    ssize_t got;
    char c;

    while ((got = read(STDIN_FILENO, &c, 1)) == 1 || (got < 0 && errno == EINTR)) {
        if (got < 0)
            continue;
        if (c == '\n')
            break;
        if (n + 1 < size)
            line[n++] = c;
    }
    line[n] = '\0';
    return got == 1 || n > 0;
}

bool prompt_confirm(const char *question, bool preset, bool *out, struct err **errp)
{
    char answer[ANSWER_MAX];

    for (;;) {
        output_printf("? %s  (%s) ", question, preset ? "Y/n" : "y/N");
        if (!output_flush(errp))
            return false;
        if (!read_line(answer, sizeof(answer)) || answer[0] == '\0')
            *out = preset;
        else if (strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0)
            *out = true;
        else if (strcasecmp(answer, "n") == 0 || strcasecmp(answer, "no") == 0)
            *out = false;
        else
            continue;
        return true;
    }
}

/*
 * The menu.
 */

enum key { KEY_NONE, KEY_UP, KEY_DOWN, KEY_ENTER, KEY_CANCEL, KEY_ERASE, KEY_TEXT };

struct menu {
    const char *question;
    const char *const *options;
    size_t n;
    size_t cursor; /* position among the matching options */
    struct sb filter;
    unsigned lines; /* drawn, to be drawn over */
};

static bool is_match(const struct menu *menu, size_t i)
{
    return strcasestr(menu->options[i], sb_str(&menu->filter)) != NULL;
}

/* Index of the option at a position among the matching ones; n when there is none. */
static size_t match_at(const struct menu *menu, size_t position)
{
    for (size_t i = 0; i < menu->n; i++)
        if (is_match(menu, i) && position-- == 0)
            return i;
    return menu->n;
}

static size_t count_matches(const struct menu *menu)
{
    size_t n = 0;

    for (size_t i = 0; i < menu->n; i++)
        n += is_match(menu, i);
    return n;
}

static bool draw(struct menu *menu, struct err **errp)
{
    size_t n = count_matches(menu);
    size_t first = menu->cursor >= PAGE ? menu->cursor - PAGE + 1 : 0;
    auto_sb struct sb out = { 0 };

    if (menu->lines > 0)
        sb_putf(&out, "\033[%uA", menu->lines);
    sb_putf(&out, "\r\033[J" GREEN "?" PLAIN " %s %s " CYAN "[Use arrows to move, type to filter]" PLAIN
            "\r\n", menu->question, sb_str(&menu->filter));
    menu->lines = 1;
    for (size_t i = first; i < n && i < first + PAGE; i++, menu->lines++)
        sb_putf(&out, i == menu->cursor ? CYAN "> %s" PLAIN "\r\n" : "  %s\r\n",
                menu->options[match_at(menu, i)]);
    return file_write_fd(STDOUT_FILENO, "standard output", sb_view(&out), errp);
}

static enum key read_key(char *out_text)
{
    char bytes[8];
    ssize_t n = read(STDIN_FILENO, bytes, sizeof(bytes));

    if (n <= 0)
        return n < 0 && errno == EINTR ? KEY_NONE : KEY_CANCEL;
    if (n >= 3 && bytes[0] == '\033' && (bytes[1] == '[' || bytes[1] == 'O'))
        return bytes[2] == 'A' ? KEY_UP : bytes[2] == 'B' ? KEY_DOWN : KEY_NONE;
    switch (bytes[0]) {
    case '\r':
    case '\n':
        return KEY_ENTER;
    case 3: /* Ctrl-C */
    case 4: /* Ctrl-D */
        return KEY_CANCEL;
    case 16: /* Ctrl-P */
        return KEY_UP;
    case 14: /* Ctrl-N */
        return KEY_DOWN;
    case 8:
    case 127:
        return KEY_ERASE;
    default:
        *out_text = bytes[0];
        return isprint((unsigned char)bytes[0]) ? KEY_TEXT : KEY_NONE;
    }
}

static bool run_menu(struct menu *menu, size_t *out, struct err **errp)
{
    for (;;) {
        size_t n = count_matches(menu);
        char text;

        if (menu->cursor >= n)
            menu->cursor = n > 0 ? n - 1 : 0;
        if (!draw(menu, errp))
            return false;
        switch (read_key(&text)) {
        case KEY_UP:
            menu->cursor = menu->cursor > 0 ? menu->cursor - 1 : n > 0 ? n - 1 : 0;
            break;
        case KEY_DOWN:
            menu->cursor = n > 0 ? (menu->cursor + 1) % n : 0;
            break;
        case KEY_TEXT:
            sb_putc(&menu->filter, text);
            break;
        case KEY_ERASE:
            if (menu->filter.n > 0)
                sb_truncate(&menu->filter, menu->filter.n - 1);
            break;
        case KEY_CANCEL:
            return err_set(errp, ERR_CANCELED, "Interrupted by user");
        case KEY_ENTER:
            if (n == 0)
                break;
            *out = match_at(menu, menu->cursor);
            return true;
        case KEY_NONE:
            break;
        }
    }
}

bool prompt_select(const char *question, const char *const *options, size_t n, size_t *out,
                   struct err **errp)
{
    struct menu menu = { .question = question, .options = options, .n = n,
                         .filter = { .limit = ANSWER_MAX } };
    struct termios cooked, raw;
    bool ok;

    if (!output_flush(errp))
        return false;
    if (tcgetattr(STDIN_FILENO, &cooked) != 0)
        return err_set(errp, ERR_UNSUPPORTED, "standard input is not a terminal");
    raw = cooked;
    cfmakeraw(&raw);
    if (tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) != 0)
        return err_set_os(errp, errno, "preparing the terminal");
    ok = run_menu(&menu, out, errp);
    (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &cooked);
    sb_done(&menu.filter);
    return ok;
}
