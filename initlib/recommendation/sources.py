"""Where the rules come from: what the bibliography calls a work, and where it can be read.

The book's `references.bib` does not travel with the library; a test compares these with it.
"""

CITED: dict[str, tuple[str, str]] = {
    "andrychowicz2021": ("Andrychowicz et al. 2021", "https://arxiv.org/abs/2006.05990"),
    "ba2016": ("Ba et al. 2016", "https://arxiv.org/abs/1607.06450"),
    "bachlechner2021": ("Bachlechner et al. 2021", "https://arxiv.org/abs/2003.04887"),
    "de2020": ("De & Smith 2020", "https://arxiv.org/abs/2002.10444"),
    "dey2025": ("Dey et al. 2025", "https://arxiv.org/abs/2505.01618"),
    "gers2000": ("Gers et al. 2000", "https://doi.org/10.1162/089976600300015015"),
    "glorot2010": ("Glorot & Bengio 2010", "https://proceedings.mlr.press/v9/glorot10a.html"),
    "glorot2010tutorial": ("Glorot 2010", "https://github.com/lisa-lab/DeepLearningTutorials"),
    "goodfellow2016": ("Goodfellow et al. 2016", "https://www.deeplearningbook.org"),
    "goyal2017": ("Goyal et al. 2017", "https://arxiv.org/abs/1706.02677"),
    "hanin2018": ("Hanin & Rolnick 2018", "https://arxiv.org/abs/1803.01719"),
    "hayou2024": ("Hayou et al. 2024", "https://arxiv.org/abs/2406.08447"),
    "he2015": ("He et al. 2015", "https://arxiv.org/abs/1502.01852"),
    "he2016": ("He et al. 2016", "https://arxiv.org/abs/1512.03385"),
    "henaff2016": ("Henaff et al. 2016", "https://arxiv.org/abs/1602.06662"),
    "hewitt2021": ("Hewitt 2021", "https://nlp.stanford.edu/~johnhew/vocab-expansion.html"),
    "ho2020": ("Ho et al. 2020", "https://arxiv.org/abs/2006.11239"),
    "houlsby2019": ("Houlsby et al. 2019", "https://arxiv.org/abs/1902.00751"),
    "hu2020": ("Hu et al. 2020", "https://arxiv.org/abs/2001.05992"),
    "hu2022": ("Hu et al. 2022", "https://arxiv.org/abs/2106.09685"),
    "huang2020": ("Huang et al. 2020", ""),
    "ioffe2015": ("Ioffe & Szegedy 2015", "https://arxiv.org/abs/1502.03167"),
    "jozefowicz2015": ("Jozefowicz et al. 2015", ""),
    "klambauer2017": ("Klambauer et al. 2017", "https://arxiv.org/abs/1706.02515"),
    "le2015": ("Le et al. 2015", "https://arxiv.org/abs/1504.00941"),
    "lecun1998": ("LeCun et al. 1998", "https://doi.org/10.1007/3-540-49430-8_2"),
    "li2018": ("Li et al. 2018", "https://arxiv.org/abs/1802.01483"),
    "lin2017": ("Lin et al. 2017", "https://arxiv.org/abs/1708.02002"),
    "liu2020": ("Liu et al. 2020", "https://arxiv.org/abs/2004.08249"),
    "mehta2021": ("Mehta et al. 2021", "https://arxiv.org/abs/2008.13363"),
    "peebles2023": ("Peebles & Xie 2023", "https://arxiv.org/abs/2212.09748"),
    "pennington2017": ("Pennington et al. 2017", "https://arxiv.org/abs/1711.04735"),
    "poole2016": ("Poole et al. 2016", "https://arxiv.org/abs/1606.05340"),
    "radford2016": ("Radford et al. 2016", "https://arxiv.org/abs/1511.06434"),
    "radford2019": ("Radford et al. 2019", ""),
    "roberts2022": ("Roberts et al. 2022", "https://arxiv.org/abs/2106.10165"),
    "saxe2014": ("Saxe et al. 2014", "https://arxiv.org/abs/1312.6120"),
    "schoenholz2017": ("Schoenholz et al. 2017", "https://arxiv.org/abs/1611.01232"),
    "shazeer2020": ("Shazeer 2020", "https://arxiv.org/abs/2002.05202"),
    "sitzmann2020": ("Sitzmann et al. 2020", "https://arxiv.org/abs/2006.09661"),
    "takase2023": ("Takase et al. 2023", "https://arxiv.org/abs/2312.16903"),
    "tallec2018": ("Tallec & Ollivier 2018", "https://arxiv.org/abs/1804.11188"),
    "touvron2021": ("Touvron et al. 2021", "https://arxiv.org/abs/2103.17239"),
    "vaswani2017": ("Vaswani et al. 2017", "https://arxiv.org/abs/1706.03762"),
    "wang2022": ("Wang et al. 2022", "https://arxiv.org/abs/2203.00555"),
    "woodworth2020": ("Woodworth et al. 2020", "https://arxiv.org/abs/2002.09277"),
    "xiao2018": ("Xiao et al. 2018", "https://arxiv.org/abs/1806.05393"),
    "xiong2020": ("Xiong et al. 2020", "https://arxiv.org/abs/2002.04745"),
    "yang2019": ("Yang et al. 2019", "https://arxiv.org/abs/1902.08129"),
    "yang2022": ("Yang et al. 2022", "https://arxiv.org/abs/2203.03466"),
    "yang2024": ("Yang et al. 2024", "https://arxiv.org/abs/2310.02244"),
    "zhang2019": ("Zhang et al. 2019", "https://arxiv.org/abs/1901.09321"),
    "zhang2023": ("Zhang et al. 2023", "https://arxiv.org/abs/2302.05543"),
}

# The chapters whose boxes show the trials that rules rest on.
TRIALS = {
    "batch-norm-gradients": "beyond/residual-streams",
    "choose-by-activation": "practices/choose-by-activation",
    "data-scale": "pitfalls/data-characteristics",
    "depth-transfer": "beyond/residual-streams",
    "fixup": "beyond/residual-streams",
    "forget-bias": "practices/biases",
    "he-depth": "techniques/he",
    "he-nonlinearity": "techniques/he",
    "he-variants": "techniques/he",
    "low-rank-start": "beyond/transformers",
    "mup-transfer": "practices/architecture-and-size",
    "norm-placement": "beyond/transformers",
    "reasonable-range": "techniques/random",
    "residual-scaling": "beyond/transformers",
    "rezero": "beyond/residual-streams",
    "rules-prevent": "techniques/he",
    "scale-rate-norm": "reference/explorers",
    "sigmoid-xavier": "techniques/xavier",
    "skipinit": "beyond/residual-streams",
    "sparse-inputs": "pitfalls/data-characteristics",
    "width-fluctuations": "techniques/he",
    "xavier-variance": "techniques/xavier",
    "zero-biases": "practices/biases",
    "zero-symmetry": "techniques/zero",
}


def named(key: str) -> str:
    """Return authors and year of a work.

    >>> named("he2015")
    'He et al. 2015'
    """
    return CITED[key][0]
