/* idn - each line of the standard input as idn_parse has it, or `-`. */
#include "smtp/idn.h"

#include <stdio.h>

int main(void)
{
    char line[1024];

    while (fgets(line, sizeof line, stdin) != NULL) {
        struct hostname name;

        puts(idn_parse(span_first(span_str(line), strcspn(line, "\n")), &name) == OK ? name.s : "-");
    }
    return ferror(stdin) != 0;
}
