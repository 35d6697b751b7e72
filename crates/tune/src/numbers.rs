//! Values of a tensor on the host.

use burn::tensor::{Tensor, Transaction};
use layerlab_model::ModelError;

/// The values of `tensor`, once the device has computed them.
pub(super) async fn numbers(tensor: Tensor<1>) -> Result<Vec<f32>, ModelError> {
    let data = Transaction::default()
        .register(tensor)
        .execute_async()
        .await?;
    Ok(data.iter().flat_map(|data| data.iter::<f32>()).collect())
}
