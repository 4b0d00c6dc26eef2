#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The commands of a recipe of the manual page: ova-recipe.py POD NAME

A recipe is the verbatim paragraphs from '=for recipe NAME' to '=for recipe
end'.  As in the page that people copy from, each line keeps the blank that
makes it verbatim.
"""

import sys


def recipe(lines, name):
    inside, found = False, []
    for line in lines:
        if line.startswith("=for recipe "):
            inside = line.split()[2:] == [name]
        elif inside and line.startswith("="):
            sys.exit("%r in the recipe %s" % (line, name))
        elif inside and line.startswith(" "):
            found.append(line)
    if inside:
        sys.exit("the recipe %s has no end" % name)
    return found


def main():
    with open(sys.argv[1], encoding="utf-8") as pod:
        found = recipe(pod, sys.argv[2])
    if not found:
        sys.exit("there is no recipe %s in %s" % (sys.argv[2], sys.argv[1]))
    sys.stdout.write("".join(found))


if __name__ == "__main__":
    main()
