"""The making of the sample corpus: tables of facts and phrasings (english/, chinese/) to passages and questions."""
