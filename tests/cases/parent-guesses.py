# SPDX-License-Identifier: BSD-3-Clause
"""Where the recorded path of a parent leads nowhere, guesses are made; none
of them is the child itself, and what search= names in full comes before the
child's own directory."""

from vmdkgen import content, disk


SIZE = 12 * 128


def chain(sub, base_name, hint, seed):
    """A child d.vmdk in clone/ over a base in template/."""
    clone, template = sub.sub("clone"), sub.sub("template")
    base = disk.mono(template, base_name, content.full(SIZE, seed),
                     cid="11111111")
    return disk.mono(clone, "d.vmdk",
                     content.pattern(SIZE, 128, "D.Z...D.....", seed + 1),
                     parent=base, words={"hint": hint})


def make(d):
    for label, hint in (("sibling", "../template/d.vmdk"),
                        ("foreign", "/vmfs/volumes/x/template/d.vmdk"),
                        ("windows", "C:\\vms\\template\\d.vmdk")):
        sub = d.sub(label)
        top = chain(sub, "d.vmdk", hint, 70)
        yield sub.serve(top, params=["search=" + sub.path("template")],
                        label=label)
        sub = d.sub(label + "-above")
        top = chain(sub, "d.vmdk", hint, 72)
        yield sub.serve(top, params=["search=" + sub.dir],
                        label=label + "-above")

    sub = d.sub("another-beside-the-child")
    top = chain(sub, "e.vmdk", "../template/e.vmdk", 74)
    disk.mono(sub.sub("clone"), "e.vmdk", content.full(SIZE, 76),
              cid="22222222")
    yield sub.serve(top, params=["search=" + sub.dir],
                    label="another-beside-the-child")
