/// <reference types="svelte" />
/// <reference types="vite/client" />

declare module "*.packed?url" {
  const address: string;
  export default address;
}
