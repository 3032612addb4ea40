"""Predictors that know no language: medians, and regressions of scikit-learn. All are deterministic.

The regressions learn ln(1 + price), which RMSLE measures, and guess within the range of the training prices.
"""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl

from curator.errors import CuratorError, UsageError
from curator.evaluate.predictor import Answer, Predictor, Setting
from curator.evaluate.predictors import features
from curator.kernels.types import Floats

_BATCH = 4_096
_FAR = 4.0  # standard deviations
_SAFE = ("text", "title", "category")
"""The columns that a guess may depend on; no other is ever looked at."""


class Constant:
    """Always guesses the same: the median or the mean of the training prices."""

    learns = True

    def __init__(self, what: str = "median") -> None:
        self.name = "constant"
        self._what = what
        self._guess = 0.0

    def fit(self, train: pl.DataFrame) -> None:
        """Take the middle of the prices."""
        prices = train["price"].to_numpy()
        self._guess = float(np.median(prices) if self._what == "median" else np.mean(prices))

    def predict(self, rows: pl.DataFrame) -> Iterator[Answer]:
        """Yield it for each row."""
        return (Answer(self._guess) for _ in range(rows.height))


class Category:
    """Guesses the median price of the category; for one with no training rows the median of all."""

    learns = True

    def __init__(self) -> None:
        self.name = "category"
        self._all = 0.0
        self._medians: dict[str | None, float] = {}

    def fit(self, train: pl.DataFrame) -> None:
        """Take the medians; rows without a category are one by themselves."""
        self._all = float(np.median(train["price"].to_numpy()))
        grouped = train.group_by("category").agg(pl.col("price").median())
        self._medians = dict(grouped.iter_rows())

    def predict(self, rows: pl.DataFrame) -> Iterator[Answer]:
        """Yield each row's median."""
        return (Answer(self._medians.get(category, self._all)) for category in rows["category"])


class _Regression(ABC):
    """A regression of ln(1 + price) on a matrix made of the rows."""

    learns = True

    def __init__(self, name: str) -> None:
        _sklearn()
        self.name = name
        self._model: Any = None
        self._range = (0.0, 0.0)

    def fit(self, train: pl.DataFrame) -> None:
        """Learn from the rows."""
        prices = train["price"].to_numpy()
        self._range = (float(prices.min()), float(prices.max()))
        target = np.log1p(prices)
        self._model.fit(self._learn(train.select(_SAFE), target), target)

    def predict(self, rows: pl.DataFrame) -> Iterator[Answer]:
        """Yield the guesses, a batch of rows at a time."""
        for batch in rows.select(_SAFE).iter_slices(_BATCH):
            guesses = np.expm1(self._model.predict(self._matrix(batch)))
            yield from (Answer(float(guess)) for guess in np.clip(guesses, *self._range))

    @abstractmethod
    def _learn(self, train: pl.DataFrame, target: Floats) -> Any:
        """Learn what the matrix is made with, and return that of the training rows; `target` is ln(1 + price)."""

    @abstractmethod
    def _matrix(self, rows: pl.DataFrame) -> Any:
        """Return the matrix of some rows."""


class Linear(_Regression):
    """Ridge regression on simple features and the category."""

    def __init__(self) -> None:
        super().__init__("linear")
        self._model = _sklearn("linear_model").Ridge(alpha=1.0)
        self._scale = _sklearn("preprocessing").StandardScaler()

    def _learn(self, train: pl.DataFrame, target: Floats) -> Any:
        self._categories = features.Categories(train)
        self._scale.fit(features.simple(train))
        return self._matrix(train)

    def _matrix(self, rows: pl.DataFrame) -> Any:
        # A line goes on for ever: what is far from all training rows counts as the farthest of them.
        scaled = np.clip(self._scale.transform(features.simple(rows)), -_FAR, _FAR)
        return np.hstack([scaled, self._categories.one_hot(rows)])


class TfidfRidge(_Regression):
    """Ridge regression on the TF-IDF of words and pairs of words."""

    def __init__(self) -> None:
        super().__init__("tfidf-ridge")
        self._model = _ridge()
        self._words = _vectoriser()

    def _learn(self, train: pl.DataFrame, target: Floats) -> Any:
        return _fitted(self._words, train)

    def _matrix(self, rows: pl.DataFrame) -> Any:
        return self._words.transform(rows["text"].to_list())


class GradientBoosting(_Regression):
    """Boosted trees on a ridge regression's guess, on TF-IDF reduced by SVD, on simple features and the category.

    The trees learn from what the ridge regression says of rows that it has not seen (cross-fitting), since of those
    that it has seen it knows too much.
    """

    def __init__(self) -> None:
        super().__init__("gradient-boosting")
        # No early stopping, which would hold rows back; the settings did best on validation rows.
        self._model = _sklearn("ensemble").HistGradientBoostingRegressor(
            learning_rate=0.04,
            max_iter=200,
            max_leaf_nodes=15,
            min_samples_leaf=20,
            l2_regularization=1.0,
            early_stopping=False,
            random_state=0,
        )
        self._words = _vectoriser()
        self._ridge = _ridge()
        self._directions: Any = None

    def fit(self, train: pl.DataFrame) -> None:
        """Learn from the rows."""
        # One thread: those of OpenMP wait for each other busily, which takes far longer where a core is shared.
        with importlib.import_module("threadpoolctl").threadpool_limits(1, user_api="openmp"):
            super().fit(train)

    def _learn(self, train: pl.DataFrame, target: Floats) -> Any:
        words = _fitted(self._words, train)
        self._categories = features.Categories(train)
        count = max(1, min(64, words.shape[0] - 1, words.shape[1] - 1))
        self._directions = _sklearn("decomposition").TruncatedSVD(count, n_iter=2, random_state=0).fit(words)
        folds = min(5, train.height)
        unseen = target
        if folds > 1:
            unseen = _sklearn("model_selection").cross_val_predict(_ridge(), words, target, cv=folds)
        self._ridge.fit(words, target)
        return self._beside(words, unseen, train)

    def _matrix(self, rows: pl.DataFrame) -> Any:
        words = self._words.transform(rows["text"].to_list())
        return self._beside(words, self._ridge.predict(words), rows)

    def _beside(self, words: Any, said: Floats, rows: pl.DataFrame) -> Floats:
        reduced = self._directions.transform(words)
        return np.hstack([said[:, None], reduced, features.simple(rows), self._categories.one_hot(rows)])


def make_constant(argument: str | None, setting: Setting) -> Predictor:
    """Return the constant predictor: ``median`` (the default) or ``mean``.

    Raises:
        UsageError: It is asked for something else.
    """
    if argument not in (None, "median", "mean"):
        raise UsageError(f"--model constant:{argument}: there are constant:median (the default) and constant:mean")
    return Constant(argument or "median")


def make_category(argument: str | None, setting: Setting) -> Predictor:
    """Return the predictor of medians per category."""
    return Category()


def make_linear(argument: str | None, setting: Setting) -> Predictor:
    """Return the linear predictor."""
    return Linear()


def make_tfidf_ridge(argument: str | None, setting: Setting) -> Predictor:
    """Return the ridge regression on TF-IDF."""
    return TfidfRidge()


def make_boosting(argument: str | None, setting: Setting) -> Predictor:
    """Return the boosted trees."""
    return GradientBoosting()


def _ridge() -> Any:
    return _sklearn("linear_model").Ridge(alpha=1.0, solver="sparse_cg", tol=1e-4)


def _vectoriser() -> Any:
    return _sklearn("feature_extraction.text").TfidfVectorizer(
        ngram_range=(1, 2), min_df=2, max_features=200_000, sublinear_tf=True, dtype=np.float32
    )


def _fitted(words: Any, train: pl.DataFrame) -> Any:
    try:
        return words.fit_transform(train["text"].to_list())
    except ValueError as error:
        raise CuratorError(
            f"the {train.height:,} training rows share no words to learn from; a larger run has enough ({error})"
        ) from error


def _sklearn(module: str = "utils") -> Any:
    """Return a module of scikit-learn, which is imported only here: most commands don't need it.

    Raises:
        CuratorError: It isn't installed.
    """
    try:
        return importlib.import_module(f"sklearn.{module}")
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith("sklearn"):
            raise
        raise CuratorError(
            "this predictor needs scikit-learn, which is not installed: pip install 'price-curator[evaluate]'"
        ) from error
