/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a file is called when it is no evidence, and all that is printed: no
 * control, nothing that is no UTF-8, no line that was not ours.
 */

#include "cli/cli_input.c"
#include "cli/cli_util.c"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
static void check(int newlines, int joiners);
static void print(const uint8_t *p, size_t n);
static void print_json(const char *text);


static char  out[1 << 20];


static void
check(int newlines, int joiners)
{
    size_t    i, len, n = strlen(out);
    uint32_t  code;

    for (i = 0; i < n; i += len) {
        len = cli_utf8((const uint8_t *) out + i, n - i, &code);

        if (code == '\n' || code == '\t') {
            if (!newlines) {
                abort();
            }

        } else if (attest_utf8_is_hidden(code)
                   && !(joiners && (code == 0x200c || code == 0x200d
                                    || code == 0xfe0e || code == 0xfe0f)))
        {
            abort();
        }
    }
}


static void
print(const uint8_t *p, size_t n)
{
    FILE  *f;

    out[0] = '\0';
    f = fmemopen(out, sizeof(out), "w");
    cli_print_text(f, p, n, 0);
    fclose(f);
    check(0, 0);

    out[0] = '\0';
    f = fmemopen(out, sizeof(out), "w");
    cli_print_answer(f, p, n);
    fclose(f);
    check(1, 1);
}


static void
print_json(const char *text)
{
    FILE   *f;
    cJSON  *root = cJSON_CreateObject(), *again;

    cJSON_AddStringToObject(root, "text", text);
    cJSON_AddStringToObject(root, text, "text");
    text = cJSON_Print(root);

    out[0] = '\0';
    f = fmemopen(out, sizeof(out), "w");
    cli_print_json(f, text);
    fclose(f);
    check(1, 0);

    again = cJSON_Parse(out);
    if (again == NULL) {
        abort();
    }

    cJSON_Delete(again);
    cJSON_Delete(root);
    cJSON_free((char *) text);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char         what[128];
    attest_bytes_t  b;

    if (size > 32768) {
        return 0;
    }

    b.p = malloc(size + 1);
    if (b.p == NULL) {
        return 0;
    }

    b.n = size;
    memcpy(b.p, data, size);
    b.p[size] = '\0';

    if (cli_input_other(attest_bytes_span(&b), what, sizeof(what))) {
        print((const uint8_t *) what, strlen(what));
    }

    print(data, size);
    print_json((const char *) b.p);

    attest_bytes_free(&b);
    return 0;
}
