"""Invented markets in which the truth is known: what is to judge how dealers are chosen.

They import nothing of the engine and use none of its formulas, so that a mistake made there is not repeated here. A
world is drawn from its kind and its seed within `ranges`, each with its source; the street that lives in it answers
whoever asks. Whatever the street does by chance depends on what it is for and not on what was asked before, so that
two policies meet the same luck and differ by what they did (`chance`).

The ranges are frozen from the beginning of the model that is judged here: nothing of these worlds is changed to suit
what it can or cannot do, and those in which it fails stay.

    chance    draws by name               world     bonds, dealers and habits of one world, drawn once
    ranges    what they are drawn from    street    asked, it answers; told, it moves
    paths     how values wander           oracle    whom to ask if the truth were known
"""
