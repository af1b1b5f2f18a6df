"""`ham-mrc poem generate`: poems on a theme, under the rules that are asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from ham_mrc.cli import options
from ham_mrc.cli.poem_writing import Wanted, run

Strength = Literal["off", "prefer", "strict"]


def generate(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a trained system.")],
    theme: Annotated[
        str | None, typer.Argument(metavar="THEME", help="What the poem is about, in Chinese, as long as you like.")
    ] = None,
    length: Annotated[int | None, typer.Option(help="5 or 7 characters a line.", show_default="7")] = None,
    first_line: Annotated[
        str | None, typer.Option("--first-line", metavar="LINE", help="A first line of your own; it fixes the length.")
    ] = None,
    acrostic: Annotated[
        str | None, typer.Option(metavar="CHARACTERS", help="Four characters with which the lines begin.")
    ] = None,
    keywords: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,C,D",
            help="A keyword for each line, instead of planned ones; smt and rnnpg read the first alone.",
        ),
    ] = None,
    knowledge: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A text in which to look for what belongs to a theme.")
    ] = None,
    tones: Annotated[Strength, typer.Option(help="Keep to one of the four 平仄 patterns.")] = "off",
    rhyme: Annotated[
        Strength, typer.Option(help="Rhyme lines 2 and 4, and 1 where the pattern that the poem fits says so.")
    ] = "off",
    repeats: Annotated[
        Literal["poem", "off"], typer.Option(help="Let characters return only as seldom as in poems.")
    ] = "poem",
    n: Annotated[
        int, typer.Option("--n", min=1, max=100, metavar="N", help="So many drafts, different in every line.")
    ] = 1,
    redo: Annotated[
        list[int] | None,
        typer.Option(min=1, max=4, metavar="LINE", help="Write this line anew and keep the others. May be repeated."),
    ] = None,
    poem: Annotated[
        str | None, typer.Option(metavar="POEM", help="The poem of which --redo writes lines, if not the draft itself.")
    ] = None,
    beam: Annotated[int, typer.Option(min=1, max=1000, help="Candidates kept while a line is written.")] = 10,
    sample: Annotated[bool, typer.Option("--sample", help="Draw characters by chance, where --seed decides.")] = False,
    temperature: Annotated[
        float | None,
        typer.Option(min=0.01, max=100, help="Of --sample: below 1 likelier, above 1 bolder.", show_default="1.0"),
    ] = None,
    show_tones: Annotated[bool, typer.Option("--show-tones", help="Show tones and rhyme with their faults.")] = False,
    vertical: Annotated[
        bool,
        typer.Option("--vertical", help="Write downwards, from right to left; tones and rhyme above it, if asked for."),
    ] = False,
    traditional: Annotated[
        bool, typer.Option("--traditional", help="Show the poem and all that is said of it in Traditional characters.")
    ] = False,
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="DIR", help="The prepared folder, where it is not at the place RUN names."),
    ] = None,
    format: options.Format = "table",
    json: options.Json = False,
    write: options.Write = None,
    seed: options.Seed = options.DEFAULT_SEED,
    quiet: options.Quiet = False,
) -> None:
    """Let a system write poems on THEME, on keywords, or from a first line of your own.

    What is asked strictly is kept in every poem; what is preferred costs the system something. A line that stands
    word for word in a poem it has learned from is named with author and title. The same seed gives the same poems.
    Themes may be in Traditional or Simplified characters. With --traditional the JSON has "script": "traditional" and
    every Chinese text in it, the names of rhyme groups and of poems as well, is Traditional.
    """
    wanted = Wanted(
        run=run_folder,
        theme=theme,
        length=length,
        first_line=first_line,
        acrostic=acrostic,
        keywords=keywords,
        knowledge=knowledge,
        tones=tones,
        rhyme=rhyme,
        repeats=repeats,
        n=n,
        redo=tuple(sorted(set(redo or ()))),
        poem=poem,
        beam=beam,
        sample=sample,
        temperature=temperature,
        show_tones=show_tones,
        vertical=vertical,
        traditional=traditional,
        data=data,
        format=format,
        json=json,
        write=tuple(write or ()),
        seed=seed,
        quiet=quiet,
    )
    run(wanted)
