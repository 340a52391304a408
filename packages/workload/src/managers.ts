/** Field managers as they stand in the managedFields of a real cluster. */
export const controllerManager = 'kube-controller-manager';
export const schedulerManager = 'kube-scheduler';
