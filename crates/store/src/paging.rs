//! One page of a list that is cut by key: so many rows behind, or before, a row that is named by its place in the order.
//!
//! Rows that come or go meanwhile move no other row to another page, and the millionth page costs what the first costs.

use sqlx::{Encode, Postgres, QueryBuilder, Type};

/// Text that names no place in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no place in the list")]
pub struct NoPlace;

/// Which page. With neither key it is the first; with both, the rows before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<K> {
    /// The rows behind this one.
    pub after: Option<K>,
    /// The last rows before this one, for going back.
    pub before: Option<K>,
    /// Rows at the most, up to [`Page::MOST`].
    pub size: i64,
}

impl<K> Page<K> {
    /// The most rows on one page.
    pub const MOST: i64 = 1_001;

    /// The first so many.
    pub const fn first(size: i64) -> Self {
        Self { after: None, before: None, size }
    }

    /// The row to begin at, which is not on it.
    pub(crate) fn key(&self) -> Option<&K> {
        self.before.as_ref().or(self.after.as_ref())
    }

    /// Read against the order of the list; the rows are turned round again with [`Page::in_order`].
    pub(crate) const fn backwards(&self) -> bool {
        self.before.is_some()
    }

    /// Adds `order by` with each of `columns` in the same direction, and the limit. `descending` is the order of the list.
    pub(crate) fn push_order(&self, sql: &mut QueryBuilder<Postgres>, columns: &[&str], descending: bool) {
        let direction = if descending == self.backwards() { "" } else { " desc" };
        for (index, column) in columns.iter().enumerate() {
            sql.push(if index == 0 { " order by " } else { ", " }).push(column).push(direction);
        }
        sql.push(" limit ").push_bind(self.size.clamp(1, Self::MOST));
    }

    /// Adds `and`: on the page's side of a key of two columns. The first column alone says it again, because the comparison of
    /// both is not trusted to leak nothing and so runs after the policies, on each row: it cannot find a place in the index.
    pub(crate) fn push_key<A, B>(
        &self,
        sql: &mut QueryBuilder<Postgres>,
        columns: [&str; 2],
        key: (A, B),
        descending: bool,
    ) where
        A: Clone + Send + Encode<'static, Postgres> + Type<Postgres> + 'static,
        B: Send + Encode<'static, Postgres> + Type<Postgres> + 'static,
    {
        let (side, [first, second], (a, b)) = (self.side(descending), columns, key);
        sql.push(" and ").push(first).push(side.trim_end()).push("= ").push_bind(a.clone());
        sql.push(" and (").push(first).push(", ").push(second).push(")").push(side);
        sql.push("(").push_bind(a).push(", ").push_bind(b).push(")");
    }

    /// `>` or `<`: on which side of the key the rows are.
    pub(crate) const fn side(&self, descending: bool) -> &'static str {
        if descending == self.backwards() { " > " } else { " < " }
    }

    /// The rows as the list has them.
    pub(crate) fn in_order<T>(&self, mut rows: Vec<T>) -> Vec<T> {
        if self.backwards() {
            rows.reverse();
        }
        rows
    }
}
