//! A matrix without an owner.

/// A matrix as it lies in memory.
pub(super) struct Matrix<'a> {
    pub values: &'a [f32],
    /// Rows and columns.
    pub shape: [usize; 2],
    /// From one row, and from one column, to the next.
    pub strides: [isize; 2],
}

impl Matrix<'_> {
    /// Whether every element is one of the values.
    pub fn is_within(&self) -> bool {
        let furthest = self.shape.iter().zip(self.strides);
        let furthest = furthest.map(|(length, stride)| {
            let stride = usize::try_from(stride).ok()?;
            length.checked_sub(1)?.checked_mul(stride)
        });
        let furthest = furthest.sum::<Option<usize>>();
        furthest.is_some_and(|furthest| furthest < self.values.len())
    }
}
