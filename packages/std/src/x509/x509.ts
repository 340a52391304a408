// placeholder until implemented below
export {};
